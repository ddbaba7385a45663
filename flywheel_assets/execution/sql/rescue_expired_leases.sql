-- A worker died or hung. Without an open attempt nothing can have happened; with one, the outcome
-- is unknown and is read back before anything is sent again, be it this worker's or one before.
-- Losing the lease during a call is a failure: a change that kills its workers must end somewhere.
update pending_ad_changes as change
set status = case
      when exists (select from ad_change_history as attempt where attempt.change_id = change.id and attempt.finished_at is null)
      then 'unknown' else 'pending'
    end,
    failures = failures + (status = 'executing')::integer,
    not_before = flywheel_now(),
    wait_reason = 'worker ' || worker || ' lost its lease while ' || status,
    worker = null, lease_until = null
where world = current_setting('flywheel.world')
  and status in ('claimed', 'executing')
  and lease_until < clock_timestamp()
returning id
