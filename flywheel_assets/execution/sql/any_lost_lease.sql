select id from pending_ad_changes
where world = current_setting('flywheel.world')
  and status in ('claimed', 'executing')
  and lease_until < clock_timestamp()
limit 1
