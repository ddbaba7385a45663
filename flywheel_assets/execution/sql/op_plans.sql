-- Every plan with something open, and the latest others: what is in it, and what its open changes would
-- add to the daily spend. A budget adds what it is above the one in force; a status or a name adds nothing.
select
  plan_digest,
  min(account_id) as account_id,
  min(currency) as currency,
  min(requested_by) as requested_by,
  jsonb_object_agg(status, number) as counts,
  sum(number)::integer as changes,
  coalesce(sum(adds), 0)::bigint as adds,
  min(created_at) as created_at,
  flywheel_now() - min(created_at) as age
from (
  select
    change.plan_digest,
    change.status,
    min(change.account_id) as account_id,
    min(change.currency) as currency,
    min(change.requested_by) as requested_by,
    count(*) as number,
    min(change.created_at) as created_at,
    max(change.seq) as seq,
    sum(
      case when change.status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')
      then change.new_budget - case change.change_type when 'set_budget' then coalesce(owner.daily_budget, 0) else 0 end
      end
    ) as adds
  from pending_ad_changes as change
  join ad_objects as owner on owner.ref = change.object_ref
  where change.plan_digest is not null and change.world = current_setting('flywheel.world')
  group by change.plan_digest, change.status
) as part
group by plan_digest
order by bool_or(status in ('proposed', 'pending', 'claimed', 'executing', 'unknown')) desc, max(seq) desc
limit :most
