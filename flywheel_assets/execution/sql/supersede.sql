-- What was asked for and not sent gives way to what was asked for later, of the same kind to the same
-- object: a newer one that is let go, or a newer proposal to an older one. A safety pause gives way to
-- nothing less urgent. What was sent is never superseded: its outcome is found out first.
with overtaken as (
  select older.id, newer.id as newer_id, newer.reasoning
  from pending_ad_changes as older
  cross join lateral (
    select later.id, later.reasoning
    from pending_ad_changes as later
    where later.object_ref = older.object_ref
      and later.change_type = older.change_type
      and later.seq > older.seq
      and (
        later.status in ('pending', 'claimed', 'executing', 'unknown', 'applied')
        or later.status = 'proposed' and older.status = 'proposed'
      )
      and (older.lane < 2 or later.lane = 2)
    order by later.seq desc
    limit 1
  ) as newer
  where older.object_ref = any(:refs)
    and older.change_type like 'set\_%'
    and older.status in ('proposed', 'pending')
  order by older.seq
  for no key update of older
)
update pending_ad_changes as older
set status = 'superseded', finished_at = flywheel_now(),
    wait_reason = 'superseded by ' || overtaken.newer_id || ': ' || overtaken.reasoning,
    worker = null, lease_until = null
from overtaken
where older.id = overtaken.id
returning older.id
