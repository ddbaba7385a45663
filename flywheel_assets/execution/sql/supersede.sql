-- What was asked for and not sent gives way to what was asked for later, of the same kind to the same
-- object: a newer one that is let go, or a newer proposal to an older one. A safety pause gives way to
-- nothing less urgent. What was sent is never superseded: its outcome is found out first.
update pending_ad_changes as older
set status = 'superseded', finished_at = flywheel_now(), wait_reason = 'superseded by ' || newer.id || ': ' || newer.reasoning,
    worker = null, lease_until = null
from pending_ad_changes as newer
where older.object_ref = any(:refs)
  and older.change_type like 'set\_%'
  and older.status in ('proposed', 'pending')
  and newer.object_ref = older.object_ref
  and newer.change_type = older.change_type
  and newer.seq > older.seq
  and (
    newer.status in ('pending', 'claimed', 'executing', 'unknown', 'applied')
    or newer.status = 'proposed' and older.status = 'proposed'
  )
  and (older.lane < 2 or newer.lane = 2)
returning older.id
