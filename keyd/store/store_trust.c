// SPDX-License-Identifier: Apache-2.0
/* Who is trusted: signers, agents. */
#include "store/store.h"

#include <string.h>

#include "store/store_sql.h"

/* Of a table whose rows are named @what. */
static int not_found(struct store *st, enum sealed_table table, const char *name,
		     struct cc_error *err)
{
	const char *what = sealed_tables[table].table;
	const struct row_at at = {table, .text = name};
	char row[96];

	snprintf(row, sizeof(row), "%s %s", what, name);
	if (sql_is_absent(st, &at, row, err))
		return -1;
	cc_fail(err, CC_E_NOTFOUND, "no %s %s", what, name);
	return cc_set_fact(err, what);
}

/* ---- signers ---- */

void store_signer_clear(struct store_signer *s)
{
	free(s->pem);
	memset(s, 0, sizeof(*s));
}

static int signer_mac(struct store *st, const struct store_signer *s,
		      unsigned char mac[static STORE_MAC_LEN], struct cc_error *err)
{
	return sql_mac(st, mac, err, SEALED_SIGNER, "tttt", s->name, s->keyid, s->pem,
		       s->volumes.text);
}

int store_signer_add(struct store *st, const struct store_signer *s, struct cc_error *err)
{
	const struct row_at at = {SEALED_SIGNER, .text = s->name};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (signer_mac(st, s, mac, err))
		return -1;
	n = sql_write(st, err, &at, mac,
		      "INSERT INTO signer (name, keyid, pem, volumes, mac) VALUES (?, ?, ?, ?, ?)",
		      "ttttb", s->name, s->keyid, s->pem, s->volumes.text, (const void *)mac,
		      sizeof(mac));
	return n < 0 ? cc_prefix(err, "signer %s or its key %s", s->name, s->keyid) : 0;
}

/* One that keyd did not write covers nothing, and so does not count. */
static int read_scope(struct stmt *q, int col, struct cc_scope *s, struct cc_error *err)
{
	char text[CC_SCOPE_LEN];

	if (sql_text(q, col, text, sizeof(text), err))
		return -1;
	if (cc_scope_parse(text, s, err))
		return cc_fail(err, CC_E_INTERNAL,
			       "keyd's database is damaged: volumes of a signer or an agent");
	return 0;
}

static int read_signer(struct store *st, struct stmt *q, struct store_signer *s,
		       struct cc_error *err)
{
	memset(s, 0, sizeof(*s));
	if (sql_check(st, q, SEALED_SIGNER, err) || sql_text(q, 0, s->name, sizeof(s->name), err) ||
	    sql_text(q, 1, s->keyid, sizeof(s->keyid), err) || read_scope(q, 3, &s->volumes, err))
		return -1;
	return sql_dup(q, 2, &s->pem, NULL, err);
}

int store_signer_get(struct store *st, const char *name, struct store_signer *s,
		     struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_SIGNER "WHERE name = ?", "t", name);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	return rc ? read_signer(st, q, s, err) : not_found(st, SEALED_SIGNER, name, err);
}

int store_signer_each(struct store *st, store_signer_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_SIGNER "ORDER BY name", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		store_auto_signer struct store_signer s;

		if (read_signer(st, q, &s, err) == 0)
			rc = fn(arg, &s, err);
		else
			rc = store_is_bad_row(err) ? 0 : -1;
		if (rc)
			break;
	}
	return rc;
}

int store_signer_set_keyid(struct store *st, const char *name, const char *keyid,
			   struct cc_error *err)
{
	const struct row_at at = {SEALED_SIGNER, .text = name};
	store_auto_signer struct store_signer s = {0};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (store_signer_get(st, name, &s, err))
		return -1;
	snprintf(s.keyid, sizeof(s.keyid), "%s", keyid);
	if (signer_mac(st, &s, mac, err))
		return -1;
	n = sql_write(st, err, &at, mac, "UPDATE signer SET keyid = ?, mac = ? WHERE name = ?",
		      "tbt", s.keyid, (const void *)mac, sizeof(mac), name);
	return n < 0 ? cc_prefix(err, "signer %s", name) : 0;
}

int store_signer_set_volumes(struct store *st, const struct store_signer *s, struct cc_error *err)
{
	const struct row_at at = {SEALED_SIGNER, .text = s->name};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (signer_mac(st, s, mac, err))
		return -1;
	n = sql_write(st, err, &at, mac, "UPDATE signer SET volumes = ?, mac = ? WHERE name = ?",
		      "tbt", s->volumes.text, (const void *)mac, sizeof(mac), s->name);
	if (n < 0)
		return -1;
	return n ? 0 : not_found(st, SEALED_SIGNER, s->name, err);
}

int store_signer_delete(struct store *st, const char *name, struct cc_error *err)
{
	const struct row_at at = {SEALED_SIGNER, .text = name};
	int n = sql_write(st, err, &at, NULL, "DELETE FROM signer WHERE name = ?", "t", name);

	if (n < 0)
		return -1;
	return n ? 0 : not_found(st, SEALED_SIGNER, name, err);
}

/* ---- agents ---- */

void store_agent_clear(struct store_agent *a)
{
	free(a->jwk);
	memset(a, 0, sizeof(*a));
}

static int agent_mac(struct store *st, const struct store_agent *a,
		     unsigned char mac[static STORE_MAC_LEN], struct cc_error *err)
{
	return sql_mac(st, mac, err, SEALED_AGENT, "ttttt", a->name, a->enrolment, a->thumbprint,
		       a->jwk, a->volumes.text);
}

int store_agent_add(struct store *st, const struct store_agent *a, struct cc_error *err)
{
	const struct row_at at = {SEALED_AGENT, .text = a->name};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (agent_mac(st, a, mac, err))
		return -1;
	n = sql_write(st, err, &at, mac,
		      "INSERT INTO agent (name, enrolment, thumbprint, jwk, volumes, mac) "
		      "VALUES (?, ?, ?, ?, ?, ?)",
		      "tttttb", a->name, a->enrolment, a->thumbprint, a->jwk, a->volumes.text,
		      (const void *)mac, sizeof(mac));
	return n < 0 ? cc_prefix(err, "agent %s or its key %s", a->name, a->thumbprint) : 0;
}

static int read_agent(struct store *st, struct stmt *q, struct store_agent *a, struct cc_error *err)
{
	memset(a, 0, sizeof(*a));
	if (sql_check(st, q, SEALED_AGENT, err) || sql_text(q, 0, a->name, sizeof(a->name), err) ||
	    sql_text(q, 1, a->enrolment, sizeof(a->enrolment), err) ||
	    sql_text(q, 2, a->thumbprint, sizeof(a->thumbprint), err) ||
	    read_scope(q, 4, &a->volumes, err))
		return -1;
	return sql_dup(q, 3, &a->jwk, NULL, err);
}

int store_agent_get(struct store *st, const char *name, struct store_agent *a, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_AGENT "WHERE name = ?", "t", name);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	return rc ? read_agent(st, q, a, err) : not_found(st, SEALED_AGENT, name, err);
}

int store_agent_by_enrolment(struct store *st, const char *enrolment, struct store_agent *a,
			     struct cc_error *err)
{
	sql_auto struct stmt *q =
		sql_prepare(st, err, SELECT_AGENT "WHERE enrolment = ?", "t", enrolment);
	int rc = q ? sql_step(st, q, err) : -1;

	if (rc < 0)
		return -1;
	return rc ? read_agent(st, q, a, err) : not_found(st, SEALED_AGENT, enrolment, err);
}

int store_agent_set_volumes(struct store *st, const struct store_agent *a, struct cc_error *err)
{
	const struct row_at at = {SEALED_AGENT, .text = a->name};
	unsigned char mac[STORE_MAC_LEN];
	int n;

	if (agent_mac(st, a, mac, err))
		return -1;
	n = sql_write(st, err, &at, mac, "UPDATE agent SET volumes = ?, mac = ? WHERE name = ?",
		      "tbt", a->volumes.text, (const void *)mac, sizeof(mac), a->name);
	if (n < 0)
		return -1;
	return n ? 0 : not_found(st, SEALED_AGENT, a->name, err);
}

int store_agent_each(struct store *st, store_agent_fn *fn, void *arg, struct cc_error *err)
{
	sql_auto struct stmt *q = sql_prepare(st, err, SELECT_AGENT "ORDER BY name", "");
	int rc;

	if (!q)
		return -1;
	while ((rc = sql_step(st, q, err)) > 0) {
		store_auto_agent struct store_agent a;

		if (read_agent(st, q, &a, err) == 0)
			rc = fn(arg, &a, err);
		else
			rc = store_is_bad_row(err) ? 0 : -1;
		if (rc)
			break;
	}
	return rc;
}

int store_agent_delete(struct store *st, const char *name, struct cc_error *err)
{
	const struct row_at at = {SEALED_AGENT, .text = name};
	int n = sql_write(st, err, &at, NULL, "DELETE FROM agent WHERE name = ?", "t", name);

	if (n < 0)
		return -1;
	return n ? 0 : not_found(st, SEALED_AGENT, name, err);
}
