-- One due change and what it speaks of, in one trip. Only what the worker reads: every column more is
-- described anew with every claim.
select change.id, fencing_token, account_id, campaign_ref, object_ref, spec, new_budget, target_budget, currency, failures,
  deferrals, priority, approved_at, idempotency_key, undo_of, change_type,
  ids, tag, was_attempted, attempt_id, attempted_id, attempted_from, attempted_budget, attempted_over
from claim_pending_ad_change(:worker, make_interval(secs => :lease_seconds)) as change
cross join lateral surroundings_of(change.id, change.object_ref, change.campaign_ref, change.depends_on) as around
