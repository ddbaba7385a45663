update accounts set frozen = true, frozen_reason = :reason, pausing = false
where account_id = :account_id and (not frozen or pausing)
