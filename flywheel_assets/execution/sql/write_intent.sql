-- The change is under way and its audit row says so, in one statement: neither is there without the
-- other. The lease starts anew with the call: what went before may have taken its time.
with ours as (
  update pending_ad_changes
  set status = 'executing', target_budget = :target_budget, wait_reason = null,
      lease_until = clock_timestamp() + make_interval(secs => :lease_seconds)
  where id = :change_id
  returning *
)
insert into ad_change_history (
  change_id, attempt, world, account_id, campaign_ref, object_ref, remote_id, change_type, scope, worker, status,
  requested_budget, previous_budget, target_budget, currency, reasoning, adjustments, previous, started_at
)
select
  ours.id,
  1 + (select count(*) from ad_change_history as earlier where earlier.change_id = ours.id),
  ours.world, ours.account_id, ours.campaign_ref, ours.object_ref, :remote_id, ours.change_type, :scope,
  ours.worker, 'executing',
  ours.new_budget, :previous_budget, :target_budget, ours.currency, ours.reasoning,
  cast(:adjustments as jsonb), cast(:previous as jsonb), :now
from ours
returning id
