-- What the account's ad sets may spend per day, those named apart: budgets in force, a person's edit
-- before ours, and budgets of ad sets that are still asked for; a campaign that owns the budget of its ad
-- sets counts in their place. A paused or deleted one spends nothing.
select coalesce(sum(coalesce(
  (owner.drift -> 'daily_budget' ->> 'theirs')::bigint, owner.daily_budget, wanted.new_budget, 0
)), 0)
from ad_objects as owner
left join lateral (
  select change.new_budget
  from pending_ad_changes as change
  where change.object_ref = owner.ref
    and change.change_type = 'create_adset'
    and change.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
  limit 1
) as wanted on true
where owner.account_id = :account_id
  and owner.kind in ('adset', 'campaign')
  and not owner.ref = any(:besides)
  and may_spend(owner)
  -- those of a paused campaign neither, unless it is about to be activated
  and not exists (
    select from ad_objects as campaign
    where campaign.ref = owner.campaign_ref
      and campaign.remote_id is not null
      and not may_spend(campaign)
      and not exists (
        select from pending_ad_changes as activation
        where activation.object_ref = campaign.ref
          and activation.change_type = 'set_status'
          and activation.spec ->> 'status' = 'ACTIVE'
          and activation.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
      )
  )
