select account_id from accounts
where pausing and world = current_setting('flywheel.world')
order by account_id
for no key update
