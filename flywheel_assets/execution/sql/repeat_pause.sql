-- An activation that nobody answered has landed after the pause that was to overtake it: the pause is made again.
insert into pending_ad_changes (
  world, account_id, campaign_ref, object_ref, change_type, spec, depends_on, currency, reasoning, requested_by,
  idempotency_key, plan_digest, priority, status, jitter_seconds, not_before
)
select
  pause.world, pause.account_id, pause.campaign_ref, pause.object_ref, pause.change_type, pause.spec, pause.depends_on,
  pause.currency, pause.reasoning, pause.requested_by,
  left(pause.idempotency_key, 150) || ':after:' || :change_id, pause.plan_digest, pause.priority, 'pending', 0, flywheel_now()
from pending_ad_changes as pause
join pending_ad_changes as ours on ours.id = cast(:change_id as uuid)
where pause.object_ref = ours.object_ref
  and pause.change_type = ours.change_type
  and pause.lane = 2
  and pause.seq > ours.seq
  and pause.status in ('applied', 'cancelled')
  -- what a person has asked for after the pause stands
  and not exists (
    select from pending_ad_changes as later
    where later.object_ref = pause.object_ref
      and later.change_type = pause.change_type
      and later.seq > pause.seq
      and later.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown', 'applied')
  )
order by pause.seq desc
limit 1
on conflict (idempotency_key) do nothing
