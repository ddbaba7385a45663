-- Who holds a change in this world.
select distinct worker from pending_ad_changes
where world = current_setting('flywheel.world')
  and status in ('claimed', 'executing')
  and lease_until > clock_timestamp()
