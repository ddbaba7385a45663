update pending_ad_changes
set status = 'executing', target_budget = :target_budget, wait_reason = null
where id = :change_id
