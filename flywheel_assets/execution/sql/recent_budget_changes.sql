-- Budget changes of one owner that count now; one that the platform itself refused for their number
-- says that they are used up, whatever we counted.
select finished_at, status = 'throttled' as refused
from ad_change_history
where world = current_setting('flywheel.world')
  and object_ref = :object_ref
  and change_type = 'set_budget'
  and (status <> 'throttled' or error ->> 'subcode' = '1487632')
  and (finished_at is null or finished_at > :opens)
order by finished_at nulls last
