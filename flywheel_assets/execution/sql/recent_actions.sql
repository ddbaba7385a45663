-- Attempts that count now: unfinished ones, and those that finished inside the window. Counting by
-- start would let a slow call land in the next hour unseen.
select finished_at from ad_change_history
where world = current_setting('flywheel.world')
  and scope = :scope
  and case :scope when 'campaign' then campaign_ref else account_id end = :counted
  and (finished_at is null or finished_at > :opens)
order by finished_at nulls last
