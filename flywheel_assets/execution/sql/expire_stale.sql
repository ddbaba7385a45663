-- Locked in the order of their number, as by all who lock many changes: two of them could else wait for each other.
with stale as (
  select id from pending_ad_changes
  where world = current_setting('flywheel.world')
    and status in ('proposed', 'pending')
    and expires_at <= flywheel_now()
  order by seq
  for no key update
)
update pending_ad_changes as change
set status = 'expired', finished_at = flywheel_now(),
    wait_reason = 'stale since ' || expires_at || '; ask for a fresh recommendation'
from stale
where change.id = stale.id
returning change.object_ref, change.change_type
