-- A worker died or hung. Without an open attempt nothing can have happened; with one, the outcome
-- is unknown and is read back before anything is sent again, be it this worker's or one before: only
-- when it must have landed if it ever will, safety pauses apart, which are harmless to repeat.
-- Losing the lease during a call is a failure: a change that kills its workers must end somewhere.
with lost as (
  select id from pending_ad_changes
  where world = current_setting('flywheel.world')
    and status in ('claimed', 'executing')
    and lease_until < clock_timestamp()
  order by seq
  for no key update
), found as (
  select lost.id, exists (
    select from ad_change_history as attempt where attempt.change_id = lost.id and attempt.finished_at is null
  ) as attempted
  from lost
)
update pending_ad_changes as change
set status = case when found.attempted then 'unknown' else 'pending' end,
    failures = change.failures + (change.status = 'executing')::integer,
    not_before = flywheel_now() + case
      when found.attempted and change.lane < 2 then make_interval(secs => :settle_seconds)
      else interval '0' end,
    wait_reason = 'worker ' || change.worker || ' lost its lease while ' || change.status,
    worker = null, lease_until = null
from found
where change.id = found.id
returning change.object_ref
