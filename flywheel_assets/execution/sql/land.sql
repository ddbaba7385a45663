-- A change that has landed: audit, object, queue and breaker say so together. Without our claim on it,
-- or without its audit row, the last part finds no row, and whoever asked takes the rest back.
with ended as (
  update ad_change_history
  set status = :status,
      remote_id = coalesce(:remote_id, remote_id),
      actual_budget = target_budget,
      finished_at = flywheel_now(),
      finished_real = clock_timestamp()
  where id = :attempt_id
  returning id
), shown as (
  update ad_objects
  set remote_id = coalesce(:new_id, remote_id),
      status = coalesce(:object_status, status),
      -- what the platform showed before our write says nothing about after it
      effective_status = case when cast(:object_status as text) is null then effective_status end,
      daily_budget = coalesce(:daily_budget, daily_budget),
      known = known || cast(:known as jsonb),
      drift = nullif(
        coalesce(drift, '{}')
          - case when cast(:daily_budget as bigint) is null then '' else 'daily_budget' end
          - case when cast(:object_status as text) is null then '' else 'status' end,
        '{}'
      ),
      observed_at = flywheel_now()
  where ref = :object_ref
), heard as (
  update breakers set state = 'closed', failures = 0, retry_real = null
  where account_id = :account_id and (state <> 'closed' or failures > 0)
)
update pending_ad_changes
set status = 'applied', finished_at = flywheel_now(), wait_reason = null, lease_until = null
from ended
where pending_ad_changes.id = :change_id and fencing_token = :fencing_token and pending_ad_changes.status in ('claimed', 'executing')
  and lease_until > clock_timestamp()
returning pending_ad_changes.id
