// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity.c - dmctl identity verify, show, add, rm.
 */
#include <getopt.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "dsse.h"
#include "file.h"
#include "identity.h"
#include "client/identity_file.h"
#include "client/identity_register.h"
#include "client/keyd_client.h"
#include "cli/output.h"
#include "pkey.h"
#include "strv.h"
#include "timestamp.h"

#define TIME_TEXT 21 /* RFC 3339, with the NUL */

/* ---- what an identity says, for people and programs ---------------------------------------- */

static void put_time(json_t *obj, const char *key, bool has, int64_t t)
{
	char text[TIME_TEXT];

	if (!has)
		return;
	cc_time_format(t, text);
	json_object_set_new(obj, key, json_string(text));
}

/* As it was signed: one as text, several as a list. */
static json_t *configs_json(const struct cc_strv *digests)
{
	return digests->n == 1 ? json_string(digests->v[0]) : cc_strv_json(digests);
}

/* By its digest, or by who signs it. */
static void put_image(json_t *obj, const struct cc_identity *id)
{
	const struct cc_feed *feed = id->feed;

	if (!feed) {
		json_object_set_new(obj, "configDigest", configs_json(&id->config_digests));
		return;
	}
	json_object_set_new(obj, "signedBy", cc_strv_json(&feed->signed_by));
	json_object_set_new(obj, "repository", json_string(feed->repository));
	if (feed->annotation)
		json_object_set_new(obj, "imageFloor",
				    json_sprintf("%s %s", feed->annotation, feed->minimum));
	if (!feed->builder)
		return;
	json_object_set_new(obj, "imageBuilder", json_string(feed->builder));
	json_object_set_new(obj, "imageSource", json_string(feed->source));
}

/* New reference. @keyid: of the key that verified it, NULL when none did. */
static json_t *summary(const struct cc_identity *id, const char *keyid)
{
	json_t *obj = json_pack("{s:b, s:s*, s:s, s:s, s:I, s:o, s:b}", "verified", keyid != NULL,
				"keyid", keyid, "volume", id->volume, "mountPoint", id->mount_point,
				"serial", (json_int_t)id->serial, "subjects",
				cc_strv_json(&id->subjects), "readOnly", (int)id->read_only);

	if (obj) {
		put_image(obj, id);
		if (id->rootfs_digest)
			json_object_set_new(obj, "rootfsDigest", json_string(id->rootfs_digest));
		if (id->has_floor)
			json_object_set_new(obj, "floor", json_integer((json_int_t)id->floor));
		put_time(obj, "notBefore", id->has_not_before, id->not_before);
		put_time(obj, "notAfter", id->has_not_after, id->not_after);
	}
	return obj;
}

static void print_summary(json_t *obj)
{
	static const struct column fields[] = {
		{"Volume", "volume"},
		{"Mount point", "mountPoint"},
		{"Read-only", "readOnly"},
		{"Serial", "serial"},
		{"Floor", "floor"},
		{"Image config", "configDigest"},
		{"Image signed by", "signedBy"},
		{"Image repository", "repository"},
		{"Image floor", "imageFloor"},
		{"Image built by", "imageBuilder"},
		{"Image built from", "imageSource"},
		{"Image files", "rootfsDigest"},
		{"Manifest", "subject"},
		{"Not before", "notBefore"},
		{"Not after", "notAfter"},
		{"Key", "keyid"},
		{NULL, NULL},
	};
	const json_t *subjects = json_object_get(obj, "subjects");
	const char *first = json_string_value(json_array_get(subjects, 0)) ?: "";
	char text[128];

	snprintf(text, sizeof(text), "%.71s", first);
	if (json_array_size(subjects) > 1)
		snprintf(text, sizeof(text), "%.71s and %zu more", first,
			 json_array_size(subjects) - 1);
	json_object_set_new(obj, "subject", json_string(text));
	output_record(stdout, obj, fields);
}

/* The predicate alone, as it was signed. New reference. */
static json_t *predicate_of(const char *payload, size_t len, struct cc_error *err)
{
	cc_auto_json json_t *statement = cc_json_parse(payload, len, "identity", err);

	return json_incref(json_object_get(statement, "predicate"));
}

/* ---- verify -------------------------------------------------------------------------------- */

static EVP_PKEY *read_pubkey(const char *path, struct cc_error *err)
{
	cc_auto_free char *pem = NULL;
	EVP_PKEY *key;
	size_t len;

	if (cc_read_file(path, &pem, &len, err))
		return NULL;
	key = cc_pubkey_parse(pem, len, err);
	if (!key)
		cc_prefix(err, "%s", path);
	return key;
}

/* Verifies @v under @key. *keyid is filled. Return: the verified identity, NULL on error. */
static struct cc_identity *verify(const struct identity_envelope *v, EVP_PKEY *key,
				  char keyid[static 72], struct cc_error *err)
{
	cc_auto_free char *payload = NULL;
	size_t len;

	if (cc_pubkey_id(key, keyid, err) ||
	    cc_dsse_verify(v->text, strlen(v->text), CC_DSSE_INTOTO, key, &payload, &len, err))
		return NULL;
	return cc_identity_parse(payload, len, err);
}

/* Every identity of the file must verify; one bad one is a reason to look. */
static int verify_all(const struct global_options *g, const struct identity_file *e, EVP_PKEY *key,
		      struct cc_error *err)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < e->n; i++) {
		cc_auto_identity struct cc_identity *id = NULL;
		char keyid[72];

		id = verify(&e->v[i], key, keyid, err);
		if (!id)
			return -1;
		json_array_append_new(list, summary(id, keyid));
	}
	if (g->json) {
		output_json(e->n == 1 ? json_array_get(list, 0) : list);
		return 0;
	}
	for (size_t i = 0; i < e->n; i++) {
		puts(i ? "" : "The signature is good.");
		print_summary(json_array_get(list, i));
	}
	return 0;
}

int cmd_identity_verify(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"pubkey", required_argument, NULL, 'p'},
		{0},
	};
	static const char *const names[] = {"ENVELOPE", NULL};
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	cc_auto_pkey EVP_PKEY *key = NULL;
	const char *pubkey = NULL;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		pubkey = optarg;
	}
	if (!pubkey)
		return cmd_usage(g, argv[0], "--pubkey is missing");
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	key = read_pubkey(pubkey, &err);
	if (!key || identity_file_read(argv[optind], &e, &err) || verify_all(g, &e, key, &err))
		return cmd_fail(g, &err);
	return CC_OK;
}

/* ---- show ---------------------------------------------------------------------------------- */

static int show_envelope(const struct global_options *g, const struct identity_envelope *v,
			 const char *heading, struct cc_error *err)
{
	size_t len;
	cc_auto_free char *payload = identity_envelope_payload(v, &len, err);
	cc_auto_json json_t *predicate = NULL;
	cc_auto_json json_t *obj = NULL;

	if (!payload)
		return -1;
	predicate = predicate_of(payload, len, err);
	obj = summary(v->id, NULL);
	if (!predicate || !obj)
		return cc_fail(err, CC_E_INVALID, "envelope: it has no predicate");
	if (g->json) {
		json_object_set(obj, "predicate", predicate);
		output_json(obj);
		return 0;
	}
	puts(heading);
	print_summary(obj);
	output_json(predicate);
	return 0;
}

static int show_file(const struct global_options *g, const char *path, struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};

	if (identity_file_read(path, &e, err))
		return -1;
	for (size_t i = 0; i < e.n; i++)
		if (show_envelope(g, &e.v[i],
				  "NOT VERIFIED: what the envelope claims (see \"dmctl identity "
				  "verify\")",
				  err))
			return -1;
	return 0;
}

static int show_volume(const struct global_options *g, const char *volume, struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	cc_auto_json json_t *answer = NULL;
	cc_auto_free char *text = NULL;
	cc_auto_free char *signer = NULL;
	char path[96], heading[160];

	if (keyd_name(volume, "volume", err))
		return -1;
	snprintf(path, sizeof(path), "/v1/identities/%s", volume);
	if (keyd_request("GET", path, NULL, &answer, err) ||
	    cc_json_str(answer, "answer of keyd", "envelope", true, &text, err) ||
	    cc_json_str(answer, "answer of keyd", "signer", true, &signer, err) ||
	    identity_file_parse(text, strlen(text), "keyd's identity", &e, err))
		return -1;
	if (g->json) {
		output_json(answer);
		return 0;
	}
	snprintf(heading, sizeof(heading), "Registered with keyd, signed by %s%s", signer,
		 json_is_false(json_object_get(answer, "starts")) ? "; no container starts with it"
		 : json_is_integer(json_object_get(answer, "next"))
			 ? "; not the only one that starts"
			 : "");
	return show_envelope(g, &e.v[0], heading, err);
}

int cmd_identity_show(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"ENVELOPE or VOLUME", NULL};
	struct cc_error err;
	bool is_file;
	int rc;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	is_file = strcmp(argv[optind], "-") == 0 || strchr(argv[optind], '/') ||
		  access(argv[optind], F_OK) == 0;
	rc = is_file ? show_file(g, argv[optind], &err) : show_volume(g, argv[optind], &err);
	return rc ? cmd_fail(g, &err) : CC_OK;
}

/* ---- add, rm ------------------------------------------------------------------------------- */

int cmd_identity_add(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"volume", required_argument, NULL, 'v'},
		{0},
	};
	static const char *const names[] = {"ENVELOPE", NULL};
	cc_auto_json json_t *answer = NULL;
	const char *volume = NULL;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		volume = optarg;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (identity_register(argv[optind], volume, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	else
		puts(json_string_value(json_object_get(answer, "digest")) ?: "");
	fprintf(stderr, "dmctl: identity of %s, serial %" JSON_INTEGER_FORMAT ", signed by %s\n",
		json_string_value(json_object_get(answer, "volume")) ?: "?",
		json_integer_value(json_object_get(answer, "serial")),
		json_string_value(json_object_get(answer, "signer")) ?: "?");
	agent_refresh(g->agent);
	return CC_OK;
}

int cmd_identity_rm(int argc, char **argv, const struct global_options *g)
{
	return cmd_delete(argc, argv, g, "/v1/identities", "volume");
}
