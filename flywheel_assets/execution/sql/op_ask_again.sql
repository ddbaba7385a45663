-- A change that was never sent because a safety pause took its place, asked for again after that pause: a
-- new one, since the old one must stay behind the pause for ever. Nothing while anything else is newer.
insert into pending_ad_changes (
  world, account_id, campaign_ref, object_ref, change_type, spec, depends_on, new_budget, currency, reasoning, requested_by,
  idempotency_key, plan_digest, approved_at, priority, status, jitter_seconds, not_before
)
select
  ours.world, ours.account_id, ours.campaign_ref, ours.object_ref, ours.change_type, ours.spec, ours.depends_on,
  ours.new_budget, ours.currency, ours.reasoning, ours.requested_by,
  left(ours.idempotency_key, 150) || ':after:' || stop.id, ours.plan_digest, ours.approved_at, ours.priority, :status, :seconds,
  flywheel_now() + make_interval(secs => :seconds)
from pending_ad_changes as ours
cross join lateral (
  select newer.id, newer.lane, newer.status
  from pending_ad_changes as newer
  where newer.object_ref = ours.object_ref and newer.change_type = ours.change_type and newer.seq > ours.seq
  order by newer.seq desc
  limit 1
) as stop
where ours.id = :change_id
  and ours.status = 'superseded'
  and stop.lane = 2
  and stop.status in ('applied', 'cancelled')
  and not exists (select from ad_change_history as sent where sent.change_id = ours.id)
on conflict (idempotency_key) do nothing
returning id, not_before
