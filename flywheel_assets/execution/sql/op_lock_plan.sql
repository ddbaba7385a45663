-- What of a plan was not sent yet. In one order for all who lock many changes, or two of them could wait for each other.
select id, object_ref, change_type from pending_ad_changes
where plan_digest = :plan_digest
  and world = current_setting('flywheel.world')
  and status in ('proposed', 'pending')
order by seq
for update
