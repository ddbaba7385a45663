-- A throttled account, or with no account named a throttled app: whatever was due before the platform
-- listens again waits until then.
update pending_ad_changes
set not_before = :until, wait_reason = :reason
where id in (
  select id from pending_ad_changes
  where world = current_setting('flywheel.world')
    and (cast(:account_id as text) is null or account_id = :account_id)
    and status in ('pending', 'unknown')
    and not_before < :until
  order by id
  for update
)
