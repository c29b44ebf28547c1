// SPDX-License-Identifier: Apache-2.0
/* Signers and agents: whose signatures count. */
#include "custodian/call.h"

#include <string.h>

#include "custodian/agent_key.h"
#include "custodian/scope_check.h"
#include "name.h"
#include "custodian/page.h"
#include "pkey.h"
#include "custodian/trust.h"

static int get_name(const json_t *obj, char name[static CC_NAME_LEN], struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(obj, "request", "name", true, &s, err))
		return -1;
	if (!cc_is_name(s))
		return cc_fail(err, CC_E_INVALID, "a name is [a-z0-9][a-z0-9_.-]{0,62}, not \"%s\"",
			       s);
	memcpy(name, s, strlen(s) + 1);
	return 0;
}

static int count_one(void *arg, const struct store_signer *s, struct cc_error *err)
{
	(void)s;
	(void)err;
	++*(size_t *)arg;
	return 0;
}

/* The same name with the same key again changes nothing. @volumes: NULL when nothing was said */
static int is_stored(struct custodian *c, const struct store_signer *s,
		     const struct cc_scope *volumes, bool *stored, struct cc_error *err)
{
	store_auto_signer struct store_signer old = {0};

	*stored = false;
	if (store_signer_get(c->store, s->name, &old, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	*stored = !strcmp(old.keyid, s->keyid);
	if (*stored && volumes && !cc_scope_eq(volumes, &old.volumes))
		return scope_differs("signer", s->name, &old.volumes, volumes, err);
	return 0;
}

int op_signer_add(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"name", "pem", "volumes", NULL};
	store_auto_signer struct store_signer s = {.volumes = CC_SCOPE_ALL};
	cc_auto_pkey EVP_PKEY *key = NULL;
	size_t n = 0;
	bool given;

	if (cc_json_only(call->in, "request", known, err) || get_name(call->in, s.name, err) ||
	    cc_json_str(call->in, "request", "pem", true, &s.pem, err) ||
	    cc_scope_read(call->in, "request", &s.volumes, &given, err))
		return -1;
	key = cc_pubkey_parse(s.pem, strlen(s.pem), err);
	if (!key || cc_pubkey_id(key, s.keyid, err) ||
	    store_signer_each(c->store, count_one, &n, err) ||
	    is_stored(c, &s, given ? &s.volumes : NULL, &call->note.nothing, err))
		return -1;
	snprintf(call->note.detail, sizeof(call->note.detail),
		 "signer %s %s, by process %u, volumes %s", s.name, s.keyid, call->rq->peer,
		 s.volumes.text);
	if (!call->note.nothing && n >= TRUST_SIGNERS_MAX)
		return cc_fail(err, CC_E_INVALID, "%zu signers are enrolled: remove one first", n);
	if (!call->note.nothing && store_signer_add(c->store, &s, err))
		return -1;
	return call_answer(call->out, err, "{s:s, s:s}", "name", s.name, "keyid", s.keyid);
}

/* These lists are short, and their rows cheap to pass over. */
struct names {
	const char *after;
	struct page page;
};

static bool passed_over(struct names *n, const char *name)
{
	return strcmp(name, n->after) <= 0 || page_full(&n->page);
}

static int list_signer(void *arg, const struct store_signer *s, struct cc_error *err)
{
	struct names *n = arg;

	if (passed_over(n, s->name))
		return 0;
	return page_add(&n->page,
			json_pack("{s:s, s:s, s:s, s:s}", "name", s->name, "keyid", s->keyid, "pem",
				  s->pem, "volumes", s->volumes.text),
			s->name, err);
}

int op_signer_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct names n = {.after = call->rq->after};

	if (page_start(&n.page, call, "signers", err) ||
	    store_signer_each(c->store, list_signer, &n, err))
		return -1;
	return page_end(&n.page, call, err);
}

int op_signer_delete(struct custodian *c, struct call *call, struct cc_error *err)
{
	snprintf(call->note.detail, sizeof(call->note.detail), "signer %s, by process %u",
		 call->rq->arg, call->rq->peer);
	return store_signer_delete(c->store, call->rq->arg, err);
}

/* The body of a set: what is said of @volumes must be there, as nothing else can be set. */
static int read_volumes(struct call *call, struct cc_scope *volumes, struct cc_error *err)
{
	static const char *const known[] = {"volumes", NULL};
	bool given;

	if (cc_json_only(call->in, "request", known, err) ||
	    cc_scope_read(call->in, "request", volumes, &given, err))
		return -1;
	return given ? 0 : cc_fail(err, CC_E_INVALID, "request: \"volumes\" is missing");
}

static void note_volumes(struct call *call, const char *what, const struct cc_scope *was,
			 const struct cc_scope *is)
{
	call->note.nothing = cc_scope_eq(was, is);
	snprintf(call->note.detail, sizeof(call->note.detail), "%s%s, by process %u, volumes %s",
		 what, call->rq->arg, call->rq->peer, is->text);
}

int op_signer_set(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_signer struct store_signer s = {0};
	struct cc_scope volumes;

	if (read_volumes(call, &volumes, err) || store_signer_get(c->store, call->rq->arg, &s, err))
		return -1;
	note_volumes(call, "signer ", &s.volumes, &volumes);
	s.volumes = volumes;
	if (!call->note.nothing && store_signer_set_volumes(c->store, &s, err))
		return -1;
	return call_answer(call->out, err, "{s:s, s:s, s:s}", "name", s.name, "keyid", s.keyid,
			   "volumes", s.volumes.text);
}

int op_agent_add(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"name", "jwk", "volumes", NULL};
	char name[CC_NAME_LEN], thumbprint[64];
	struct cc_scope volumes = CC_SCOPE_ALL;
	json_t *jwk = NULL;
	bool added, given;

	if (cc_json_only(call->in, "request", known, err) || get_name(call->in, name, err) ||
	    cc_json_obj(call->in, "request", "jwk", true, &jwk, err) ||
	    cc_scope_read(call->in, "request", &volumes, &given, err))
		return -1;
	NOTE(call->note.agent, name);
	if (agent_key_enrol(c->store, name, jwk, given ? &volumes : NULL, thumbprint, &added, err))
		return -1;
	call->note.nothing = !added;
	snprintf(call->note.detail, sizeof(call->note.detail), "key %s, by process %u, volumes %s",
		 thumbprint, call->rq->peer, volumes.text);
	return call_answer(call->out, err, "{s:s, s:s}", "name", name, "thumbprint", thumbprint);
}

static int list_agent(void *arg, const struct store_agent *a, struct cc_error *err)
{
	struct names *n = arg;

	if (passed_over(n, a->name))
		return 0;
	return page_add(&n->page,
			json_pack("{s:s, s:s, s:o, s:s}", "name", a->name, "thumbprint",
				  a->thumbprint, "jwk", json_loads(a->jwk, 0, NULL), "volumes",
				  a->volumes.text),
			a->name, err);
}

int op_agent_list(struct custodian *c, struct call *call, struct cc_error *err)
{
	struct names n = {.after = call->rq->after};

	if (page_start(&n.page, call, "agents", err) ||
	    store_agent_each(c->store, list_agent, &n, err))
		return -1;
	return page_end(&n.page, call, err);
}

int op_agent_set(struct custodian *c, struct call *call, struct cc_error *err)
{
	store_auto_agent struct store_agent a = {0};
	struct cc_scope volumes;

	NOTE(call->note.agent, call->rq->arg);
	if (read_volumes(call, &volumes, err) || store_agent_get(c->store, call->rq->arg, &a, err))
		return -1;
	note_volumes(call, "agent ", &a.volumes, &volumes);
	a.volumes = volumes;
	if (!call->note.nothing && store_agent_set_volumes(c->store, &a, err))
		return -1;
	return call_answer(call->out, err, "{s:s, s:s, s:s}", "name", a.name, "thumbprint",
			   a.thumbprint, "volumes", a.volumes.text);
}

int op_agent_delete(struct custodian *c, struct call *call, struct cc_error *err)
{
	NOTE(call->note.agent, call->rq->arg);
	return store_agent_delete(c->store, call->rq->arg, err);
}
