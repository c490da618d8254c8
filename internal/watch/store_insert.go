package watch

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
)

// insertFindings writes new findings of a delivery, as many as fit until a time,
// and returns how many. SQLite is quickest with one prepared statement per row;
// PostgreSQL with one statement over arrays, which costs one round trip.
func (w *Watch) insertFindings(ctx context.Context, tx *act.Tx, delivery int64, fs []newFinding, until time.Time) (int, error) {
	if len(fs) == 0 {
		return 0, nil
	}
	if w.acts.Engine() == sqldb.Postgres {
		return insertFindingsPostgres(ctx, tx, delivery, fs)
	}
	return w.insertFindingsSQLite(ctx, tx, delivery, fs, until)
}

func (w *Watch) insertFindingsSQLite(ctx context.Context, tx *act.Tx, delivery int64, fs []newFinding, until time.Time) (int, error) {
	st, err := tx.PrepareContext(ctx, `insert into watch_finding (id, stream_id, opened_by, find_key, ip, port,
		transport, asn, host, cc, class_id, severity, state, flags, org_id, asset_id, level, audience, first_at,
		last_at, changed_order) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
		$18, $19, $19, 0)`)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	args := make([]any, 19)
	for i := range fs {
		f := &fs[i]
		f.arguments(delivery, args)
		if _, err := st.ExecContext(ctx, args...); err != nil {
			return i, err
		}
		if i&511 == 511 && w.acts.Clock().Now().After(until) {
			return i + 1, nil
		}
	}
	return len(fs), nil
}

func (f *newFinding) arguments(delivery int64, args []any) {
	a := &f.attr
	args[0], args[1], args[2] = int64(f.id), int64(a.stream), delivery
	args[3], args[4], args[5] = f.key[:], addrBytes(f.ip), int64(f.port)
	args[6], args[7], args[8], args[9] = f.transport, int64(f.asn), f.host, f.cc
	args[10], args[11], args[12], args[13] = f.class, int64(a.severity), int64(a.state), int64(a.flags)
	args[14], args[15], args[16], args[17] = int64(a.org), f.asset, int64(a.level), int64(a.audience)
	args[18] = f.first
}

func insertFindingsPostgres(ctx context.Context, tx *act.Tx, delivery int64, fs []newFinding) (int, error) {
	n := len(fs)
	ints := make([][]int64, 13)
	for i := range ints {
		ints[i] = make([]int64, n)
	}
	keys, ips := make([][]byte, n), make([][]byte, n)
	transports, hosts, ccs := make([]string, n), make([]string, n), make([]string, n)
	for i := range fs {
		f, a := &fs[i], &fs[i].attr
		for j, v := range []int64{
			int64(f.id), int64(a.stream), int64(f.port), int64(f.asn), f.class, int64(a.severity), int64(a.state),
			int64(a.flags), int64(a.org), f.asset, int64(a.level), int64(a.audience), f.first,
		} {
			ints[j][i] = v
		}
		keys[i], ips[i] = f.key[:], addrBytes(f.ip)
		transports[i], hosts[i], ccs[i] = f.transport, f.host, f.cc
	}
	_, err := tx.ExecContext(ctx, `insert into watch_finding (opened_by, changed_order, id, stream_id, port, asn,
		class_id, severity, state, flags, org_id, asset_id, level, audience, first_at, last_at, find_key, ip, transport,
		host, cc)
		select $1, 0, id, stream_id, port, asn, class_id, severity, state, flags, org_id, asset_id, level, audience,
		first_at, first_at, find_key, ip, transport, host, cc
		from unnest(cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as bigint[]), cast($5 as bigint[]),
		cast($6 as bigint[]), cast($7 as bigint[]), cast($8 as bigint[]), cast($9 as bigint[]), cast($10 as bigint[]),
		cast($11 as bigint[]), cast($12 as bigint[]), cast($13 as bigint[]), cast($14 as bigint[]),
		cast($15 as bytea[]), cast($16 as bytea[]), cast($17 as text[]), cast($18 as text[]), cast($19 as text[]))
		as t (id, stream_id, port, asn, class_id, severity, state, flags, org_id, asset_id, level, audience, first_at,
		find_key, ip, transport, host, cc)`,
		delivery, ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], ints[6], ints[7], ints[8], ints[9], ints[10],
		ints[11], ints[12], keys, ips, transports, hosts, ccs)
	return n, err
}
