-- These workers are gone: what they held may be rescued now. Nothing else is said of it.
update pending_ad_changes
set lease_until = clock_timestamp()
where world = current_setting('flywheel.world')
  and status in ('claimed', 'executing')
  and lease_until > clock_timestamp()
  and worker = any(:workers)
