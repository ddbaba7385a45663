insert into ad_change_history (
  change_id, attempt, world, account_id, campaign_ref, object_ref, remote_id, change_type, scope, worker, status,
  requested_budget, previous_budget, target_budget, currency, reasoning, adjustments, started_at
)
select
  change.id,
  1 + (select count(*) from ad_change_history as earlier where earlier.change_id = change.id),
  change.world, change.account_id, change.campaign_ref, change.object_ref, :remote_id, change.change_type, :scope,
  change.worker, 'executing',
  change.new_budget, :previous_budget, :target_budget, change.currency, change.reasoning, cast(:adjustments as jsonb), :now
from pending_ad_changes as change
where change.id = :change_id
returning id
