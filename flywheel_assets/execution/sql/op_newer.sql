-- A later change of the same kind to the same object that is open or took effect, or a stop: it stands.
select newer.id, newer.status
from pending_ad_changes as newer
join pending_ad_changes as ours on ours.id = :change_id
where newer.object_ref = ours.object_ref
  and newer.change_type = ours.change_type
  and newer.seq > ours.seq
  and (
    newer.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', 'applied')
    or newer.lane = 2 and ours.lane < 2
  )
order by newer.seq desc
limit 1
