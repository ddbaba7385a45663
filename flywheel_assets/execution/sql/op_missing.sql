-- What a change needs that neither exists nor is being made, with the change that was to make it.
select needed.ref, making.id, making.status
from pending_ad_changes as change
cross join lateral unnest(change.depends_on) as needed(ref)
left join ad_objects as existing on existing.ref = needed.ref
left join lateral (
  select maker.id, maker.status
  from pending_ad_changes as maker
  where maker.object_ref = needed.ref and maker.change_type not like 'set\_%'
  order by maker.seq desc
  limit 1
) as making on true
where change.id = :change_id
  and existing.remote_id is null
  and coalesce(making.status, '') not in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
order by needed.ref
limit 1
