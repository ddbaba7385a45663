-- A worker died or hung. Without an open attempt nothing can have happened; with one, the outcome
-- is unknown and is read back before anything is sent again, be it this worker's or one before. What
-- was to be created is looked for only when it must have landed if it ever will.
-- Losing the lease during a call is a failure: a change that kills its workers must end somewhere.
update pending_ad_changes as change
set status = case when is_open.attempt then 'unknown' else 'pending' end,
    failures = change.failures + (change.status = 'executing')::integer,
    not_before = flywheel_now() + case
      when is_open.attempt and change.change_type not like 'set\_%' then make_interval(secs => :settle_seconds)
      else interval '0' end,
    wait_reason = 'worker ' || change.worker || ' lost its lease while ' || change.status,
    worker = null, lease_until = null
from pending_ad_changes as same
cross join lateral (
  select exists (
    select from ad_change_history as attempt where attempt.change_id = same.id and attempt.finished_at is null
  ) as attempt
) as is_open
where same.id = change.id
  and change.world = current_setting('flywheel.world')
  and change.status in ('claimed', 'executing')
  and change.lease_until < clock_timestamp()
returning change.object_ref
