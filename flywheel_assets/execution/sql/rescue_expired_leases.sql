-- A worker died or hung. Before its intent was written nothing can have happened; after it, the
-- outcome is unknown and is read back before anything is sent again.
update pending_ad_changes
set status = case status when 'claimed' then 'pending' else 'unknown' end,
    not_before = flywheel_now(),
    wait_reason = 'worker ' || worker || ' lost its lease while ' || status,
    worker = null, lease_until = null
where world = current_setting('flywheel.world')
  and status in ('claimed', 'executing')
  and lease_until < clock_timestamp()
returning id
