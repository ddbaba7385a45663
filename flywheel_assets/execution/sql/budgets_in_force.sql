-- What the account's ad sets and campaign budgets may spend per day now, that of :besides apart; an
-- attempt whose outcome is open counts with the larger amount. Paused and deleted ones spend nothing.
select coalesce(sum(greatest(
  coalesce((owner.drift -> 'daily_budget' ->> 'theirs')::bigint, owner.daily_budget, 0),
  coalesce(attempted.target_budget, 0)
)), 0)
from ad_objects as owner
left join lateral (
  select max(attempt.target_budget) as target_budget, bool_or(attempt.change_type = 'set_status') as activation
  from ad_change_history as attempt
  where attempt.object_ref = owner.ref and attempt.finished_at is null
) as attempted on true
where owner.account_id = :account_id
  and owner.world = current_setting('flywheel.world')
  and owner.kind in ('adset', 'campaign')
  and owner.ref <> :besides
  and (may_spend(owner) or attempted.activation)
