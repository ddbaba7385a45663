-- Plans that paused campaigns which nobody has started again: neither by an undo nor by a later change.
select pause.plan_digest
from pending_ad_changes as pause
join ad_objects as campaign on campaign.ref = pause.object_ref and campaign.status = 'PAUSED'
where pause.account_id = :account_id
  and pause.world = current_setting('flywheel.world')
  and pause.lane = 2
  and pause.status = 'applied'
  and not exists (
    select from pending_ad_changes as later
    where later.object_ref = pause.object_ref
      and later.change_type = pause.change_type
      and later.seq > pause.seq
      and later.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', 'applied')
  )
group by pause.plan_digest
order by min(pause.seq)
