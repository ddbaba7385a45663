select exists (select from ad_change_history where change_id = :change_id and finished_at is null)
