-- What the account's ad sets may spend per day, those named apart: budgets in force, a person's edit
-- before ours, and budgets of ad sets that are still asked for. A paused or deleted one spends nothing.
select coalesce(sum(coalesce(
  (adset.drift -> 'daily_budget' ->> 'theirs')::bigint, adset.daily_budget, wanted.new_budget, 0
)), 0)
from ad_objects as adset
left join lateral (
  select change.new_budget
  from pending_ad_changes as change
  where change.object_ref = adset.ref
    and change.change_type = 'create_adset'
    and change.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
  limit 1
) as wanted on true
where adset.account_id = :account_id
  and adset.kind = 'adset'
  and not adset.ref = any(:besides)
  and (adset.effective_status is null or adset.effective_status not in ('PAUSED', 'DELETED', 'ARCHIVED'))
