insert into dead_letters (change_id, rule, reason, failures, error, died_at)
select id, :rule, :reason, failures, cast(:error as jsonb), flywheel_now() from pending_ad_changes where id = :change_id
