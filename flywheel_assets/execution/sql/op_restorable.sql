-- Changes that were cancelled for want of the objects :refs, now that these are made after all: those that
-- want for nothing else, are not stale, and that no later change of the same kind has taken the place of.
select change.*
from pending_ad_changes as change
where change.status = 'cancelled'
  and change.depends_on && :refs
  and (change.expires_at is null or change.expires_at > flywheel_now())
  and not exists (
    select from pending_ad_changes as newer
    where newer.object_ref = change.object_ref
      and newer.change_type = change.change_type
      and newer.seq > change.seq
      -- a safety pause that was cancelled found the campaign paused already, and meant it
      and (newer.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', 'applied') or newer.lane = 2)
  )
  and not exists (
    select from unnest(change.depends_on) as needed(ref)
    left join ad_objects as existing on existing.ref = needed.ref
    where existing.remote_id is null
      and not exists (
        select from pending_ad_changes as maker
        where maker.object_ref = needed.ref
          and maker.change_type not like 'set\_%'
          and maker.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
      )
  )
order by change.seq
for update of change
