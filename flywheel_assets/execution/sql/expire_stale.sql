update pending_ad_changes
set status = 'expired', finished_at = flywheel_now(),
    wait_reason = 'stale since ' || expires_at || '; ask for a fresh recommendation'
where world = current_setting('flywheel.world')
  and status in ('proposed', 'pending')
  and expires_at <= flywheel_now()
returning object_ref, change_type
