-- Of the objects :refs one that neither exists nor is being made, with how its making ended.
select object.ref, making.status
from ad_objects as object
left join lateral (
  select maker.status from pending_ad_changes as maker
  where maker.object_ref = object.ref and maker.change_type not like 'set\_%'
  order by maker.seq desc
  limit 1
) as making on true
where object.ref = any(:refs)
  and object.remote_id is null
  and coalesce(making.status, '') not in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
order by object.ref
limit 1
