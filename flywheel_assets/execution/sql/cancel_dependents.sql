-- What would have been built on an object that will never exist is cancelled with it.
with recursive doomed(ref) as (
  select cast(:object_ref as text)
  union
  select change.object_ref
  from pending_ad_changes as change
  join doomed on doomed.ref = any(change.depends_on)
  where change.status in ('proposed', 'pending')
    and (change.change_type like 'create\_%' or change.change_type like 'upload\_%')
), locked as (
  select change.id
  from pending_ad_changes as change
  where change.status in ('proposed', 'pending')
    and change.depends_on && (select array_agg(ref) from doomed)
  order by change.seq
  for no key update
)
update pending_ad_changes as change
set status = 'cancelled', finished_at = flywheel_now(), wait_reason = :reason
from locked
where change.id = locked.id
returning change.id
