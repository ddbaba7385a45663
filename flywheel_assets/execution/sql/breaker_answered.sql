update breakers
set state = 'closed', failures = 0, retry_real = null
where account_id = :account_id and (state <> 'closed' or failures > 0)
