-- A stop of spend that is under way goes on: its pauses pass the freeze.
update accounts set frozen = true, frozen_reason = :reason where account_id = :account_id and not frozen
