-- Only what the worker reads: every column more is described anew with every claim.
select id, fencing_token, account_id, campaign_ref, object_ref, spec, new_budget, target_budget, currency, failures, deferrals,
  priority, approved_at, idempotency_key, undo_of, change_type
from claim_pending_ad_change(:worker, make_interval(secs => :lease_seconds))
