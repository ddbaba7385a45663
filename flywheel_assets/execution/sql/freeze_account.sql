update accounts set frozen = true, frozen_reason = :reason where account_id = :account_id and not frozen
