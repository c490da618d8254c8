package archtest

// stepCallers lists the rooms that write without an entry in the ledger, with the
// reason. Steps belong to a procedure whose last short act speaks for them;
// housekeeping leaves no trace on purpose.
func stepCallers() map[string]string {
	return map[string]string{
		"internal/guard":        "sessions, one-time links, passkey counters, idempotency keys",
		"internal/constituency": "re-matching after an asset changed, in steps",
		"internal/watch":        "intake and folding of deliveries, in steps",
		"internal/warn":         "composing notices from facts, in steps",
		"internal/incident":     "who has seen which entry; drafts of reports and filings that nobody has sent; bundling what is to be told into mails",
		"internal/outbound":     "the state of sending: attempting, sent, unknown",
		"internal/app":          "the ledger's signer and upkeep",
	}
}
