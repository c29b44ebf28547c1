// SPDX-License-Identifier: Apache-2.0
/*
 * verbs.c - the table of verbs.
 */
#include "cli/verbs.h"

#include <string.h>

#include "cli/lease_terms_option.h"
#include "cli/scope_option.h"

#define ENGINE_OPTION "  --engine docker|podman   ask only this engine for the container\n"

static const struct verb verbs[] = {
	{NULL, "init", cmd_init, SECRETS_KEYS, "[--realm R] [--name AGENT] | --token FILE",
	 "Set up keyd and the agent on this host, or the agent only",
	 "  --realm R     name of the key daemon (default: from the machine id)\n"
	 "  --name AGENT  name the agent signs as (default: the host's name)\n"
	 "  --token FILE  what \"dmctl agents invite\" printed where keyd is, \"-\" for standard\n"
	 "                input; with --keyd https://HOST:8443\n"},

	{NULL, "doctor", cmd_doctor, SECRETS_NONE, "",
	 "Check whether this host is fit to run protected containers", NULL},

	{"volume", "create", cmd_volume_create, SECRETS_KEYS, "NAME DEVICE",
	 "Create a volume on a LUN that is empty",
	 "  --fs ext4|xfs|none        file system to make (default: ext4)\n"
	 "  --label TEXT              label of the file system\n"
	 "  --owner UID:GID           whose its root directory is\n"
	 "  --mode MODE               of its root directory, octal\n"
	 "  --sector-size 512|4096    encryption sector in bytes (default: 4096)\n"
	 "  --key-bytes 32|64         AES-128 or AES-256 in XTS mode (default: 64)\n"
	 "  --cipher aes-xts-plain64  the only one\n"
	 "  --wipe-signature TYPE,…   signatures on DEVICE that may be destroyed\n" LEASE_TERMS_HELP},
	{"volume", "ls", cmd_volume_ls, SECRETS_NONE, "", "List volumes", NULL},
	{"volume", "inspect", cmd_volume_inspect, SECRETS_NONE, "NAME", "Show one volume", NULL},
	{"volume", "set", cmd_volume_set, SECRETS_NONE, "NAME",
	 "Change the terms and mount options of a volume", LEASE_TERMS_HELP},
	{"volume", "rename", cmd_volume_rename, SECRETS_NONE, "OLD NEW",
	 "Give a volume another name", NULL},
	{"volume", "rm", cmd_volume_rm, SECRETS_NONE, "NAME --yes",
	 "Delete a volume's key, and with it all data, permanently",
	 "  --yes          do not ask\n"
	 "  --wipe-header  erase the header on the LUN, too\n"},

	{"volume", "grow", cmd_volume_grow, SECRETS_NONE, "NAME",
	 "Grow a volume to the size of its LUN", NULL},
	{"volume", "maintain", cmd_volume_maintain, SECRETS_KEYS, "NAME -- COMMAND…",
	 "Repair a volume by hand, with a command",
	 "  --device LUN  where the volume is, if it is not found by its header\n"
	 "  --read-only   the command cannot write to it\n"},
	{"volume", "key export", cmd_volume_key_export, SECRETS_NONE, "NAME --to-recipient FILE",
	 "Get a volume's key, encrypted to a recovery key",
	 "  --to-recipient FILE  public key, JWK, P-256; its private part is kept elsewhere\n"
	 "  -o, --output FILE    write it to this new file, not to stdout\n"},
	{"volume", "header-backup", cmd_volume_header_backup, SECRETS_NONE, "NAME FILE",
	 "Copy the header of a volume's LUN into a new file", NULL},
	{"volume", "header-restore", cmd_volume_header_restore, SECRETS_NONE, "NAME FILE DEVICE",
	 "Write such a copy back to a LUN",
	 "  --yes  also to a LUN that is not marked as this volume\n"},

	{"identity", "measure", cmd_identity_measure, SECRETS_NONE, "CONTAINER",
	 "Measure a container as the agent would",
	 ENGINE_OPTION
	 "  --rootfs                  with a digest of the image's files as the engine has them\n"
	 "  --predicate               print a predicate pinned to what was measured\n"
	 "  --volume NAME             the predicate's volume\n"
	 "  --mount-point PATH        where the volume is to be mounted in the container\n"
	 "  --serial N                the predicate's serial (default: the next one)\n"},
	{"identity", "draft", cmd_identity_draft, SECRETS_NONE,
	 "--from CONTAINER|FILE --volume NAME --mount-point PATH",
	 "Print the smallest predicate that lets a container in",
	 "  --from CONTAINER|FILE     a created or running one, or what would start it:\n"
	 "                            FILE.yaml[#SERVICE] (Compose), FILE.container (Quadlet)\n"
	 "  --env-file FILE           variables for a Compose file, NAME=VALUE a line\n" ENGINE_OPTION
	 "  --volume NAME             the predicate's volume\n"
	 "  --mount-point PATH        where the volume is to be mounted in the container\n"
	 "  --serial N                the predicate's serial (default: the next one)\n"
	 "  --values                  variables with their values\n"},
	{"identity", "sign", cmd_identity_sign, SECRETS_PASSPHRASE,
	 "--key FILE --predicate FILE --subject sha256:…", "Sign an identity",
	 "  --key FILE              private key, PEM, ECDSA P-256 or Ed25519\n"
	 "  --predicate FILE        what the container must be, JSON; \"-\" is stdin\n"
	 "  --subject sha256:…      manifest digest of the image; may be repeated\n"
	 "  --name IMAGE            image name without tag\n"
	 "  --passphrase-file FILE  passphrase of the key, first line of FILE\n"
	 "  --passphrase-fd N       the same from a file descriptor\n"
	 "  -o, --output FILE       write the envelope there, not to stdout\n"},
	{"identity", "verify", cmd_identity_verify, SECRETS_NONE, "--pubkey FILE ENVELOPE",
	 "Verify an identity offline",
	 "  --pubkey FILE  public key, PEM, that must have signed it\n"},
	{"identity", "show", cmd_identity_show, SECRETS_NONE, "ENVELOPE|VOLUME",
	 "Show an identity, from a file or keyd's", NULL},
	{"identity", "add", cmd_identity_add, SECRETS_NONE, "ENVELOPE",
	 "Register a signed identity with keyd",
	 "  --volume NAME  which one, when ENVELOPE holds identities of several volumes\n"},
	{"identity", "check", cmd_identity_check, SECRETS_NONE, "FILE CONTAINER",
	 "Say what an identity would refuse of a container",
	 ENGINE_OPTION
	 "  --volume NAME             which one, when FILE holds identities of several volumes\n"
	 "  --values                  propose variables with their values\n"},
	{"identity", "diff", cmd_identity_diff, SECRETS_NONE, "A B",
	 "Show in what two identities differ", NULL},
	{"identity", "offer", cmd_identity_offer, SECRETS_NONE, "DIRECTORY",
	 "Give this host's agent the signatures of images", NULL},
	{"identity", "pull", cmd_identity_pull, SECRETS_NONE, "IMAGE",
	 "Offer what an image's registry has of signatures",
	 "  --ca FILE         certificates, PEM, to trust in place of the system's\n"
	 "  --auth-file FILE  an engine's config with credentials\n"
	 "  --plain-http      without TLS\n"},
	{"identity", "ls", cmd_identity_ls, SECRETS_NONE, "[VOLUME]",
	 "List the identities that keyd has", NULL},
	{"identity", "revoke", cmd_identity_revoke, SECRETS_NONE, "VOLUME SERIAL",
	 "Revoke one identity of a volume, and end what runs with it", NULL},
	{"identity", "drain", cmd_identity_drain, SECRETS_NONE, "VOLUME SERIAL",
	 "Let no more containers start with one identity of a volume", NULL},
	{"identity", "rm", cmd_identity_rm, SECRETS_NONE, "VOLUME",
	 "Revoke all identities of a volume", NULL},

	{"signer", "add", cmd_signer_add, SECRETS_NONE, "NAME FILE.pem",
	 "Trust a public key to sign identities", SCOPE_HELP " (default: all)\n"},
	{"signer", "ls", cmd_signer_ls, SECRETS_NONE, "", "List signers", NULL},
	{"signer", "set", cmd_signer_set, SECRETS_NONE, "NAME --volumes PATTERN,…",
	 "Change which volumes a signer signs for", SCOPE_HELP "\n"},
	{"signer", "rm", cmd_signer_rm, SECRETS_NONE, "NAME", "Stop trusting a signer", NULL},

	{"agents", "enroll", cmd_agents_enroll, SECRETS_NONE, "NAME FILE.jwk",
	 "Trust a host agent's public key", SCOPE_HELP " (default: all)\n"},
	{"agents", "invite", cmd_agents_invite, SECRETS_NONE,
	 "NAME [--for TIME] [--volumes PATTERN,…]",
	 "Print a token, by which another host enrols once",
	 "  --for TIME           how long it is good: 90s, 10m, 1h, at most 7d (1h)\n" SCOPE_HELP},
	{"agents", "certificate", cmd_agents_certificate, SECRETS_NONE, "NAME",
	 "Print a new certificate of an agent and that of keyd", NULL},
	{"agents", "ls", cmd_agents_ls, SECRETS_NONE, "", "List enrolled agents", NULL},
	{"agents", "set", cmd_agents_set, SECRETS_NONE, "NAME --volumes PATTERN,…",
	 "Change which volumes an agent may have", SCOPE_HELP "\n"},
	{"agents", "rm", cmd_agents_rm, SECRETS_NONE, "NAME", "Stop trusting an agent", NULL},

	{"lease", "ls", cmd_lease_ls, SECRETS_NONE, "", "List leases", NULL},
	{"lease", "revoke", cmd_lease_revoke, SECRETS_NONE, "LEASE", "Revoke a lease", NULL},

	{"audit", "ls", cmd_audit_ls, SECRETS_NONE, "", "Show keyd's decisions",
	 "  --after SEQ      only rows after this one\n"
	 "  --since TIME     only of then and later: 2026-11-28T12:00:00Z, or 10m for ten minutes ago\n"
	 "  --until TIME     only of before\n"
	 "  --volume NAME    only of this volume; this and the next may be repeated\n"
	 "  --event EVENT    only of this event\n"
	 "  --outcome WORD   only allow, refuse or error\n"
	 "  --fact FACT      only of this fact\n"},
	{"audit", "verify", cmd_audit_verify, SECRETS_NONE, "",
	 "Follow the audit log to the head that keyd signs",
	 "  --key KEY    the key that must have signed it, 64 hex digits\n"
	 "  --head FILE  a head kept from before, which must be on the chain\n"},

	{NULL, "apply", cmd_apply, SECRETS_KEYS, "-f FILE",
	 "Bring about what a document says keyd is to have",
	 "  -f, --file FILE   the document, JSON or YAML; \"-\" is stdin\n"
	 "  --diff            only show what would change; exit status 1 when something would\n"
	 "  --prune           remove signers, agents and identities that FILE does not name\n"
	 "  --create-volumes  create volumes that are missing, on the LUN that FILE names\n"},
	{NULL, "export", cmd_export, SECRETS_NONE, "", "Print such a document of what keyd has now",
	 NULL},

	{NULL, "bind", cmd_bind, SECRETS_NONE, "VOLUME|DEVICE CONTAINER",
	 "Give a created or running container its volume",
	 ENGINE_OPTION "  --dry-run                 say what would happen, change nothing\n"},
	{NULL, "unbind", cmd_unbind, SECRETS_NONE, "VOLUME",
	 "Take a volume away from its container",
	 "  --force  also while the container uses it, which then gets errors\n"},
	{NULL, "ps", cmd_ps, SECRETS_NONE, "", "List containers that have a volume",
	 "  -f, --filter KEY=VALUE  only those; by volume, name, id, engine, state, mount\n"
	 "  --format TEMPLATE       '{{.volume}} {{.lease.state}}', '{{json .}}', or json\n"
	 "  -q, --quiet             ids of the containers only\n"
	 "  --no-trunc              cut nothing, with whole ids\n"},
	{NULL, "inspect", cmd_inspect, SECRETS_NONE, "CONTAINER",
	 "Show what the agent knows of a container's volumes",
	 "  --format TEMPLATE  as of \"dmctl ps\"\n"},
	{NULL, "events", cmd_events, SECRETS_NONE, "",
	 "Show what happens to containers and their volumes",
	 "  -f, --filter KEY=VALUE  only those; by event, volume, name, id, engine, fact\n"
	 "  --since TIME            also those since then: 2026-11-28T12:00:00Z, 10m for ten minutes ago\n"
	 "  --until TIME            end then; 10m: in ten minutes\n"
	 "  --once                  end when those that are kept have been shown\n"
	 "  --format TEMPLATE       as of \"dmctl ps\"\n"},
	{NULL, "wait", cmd_wait, SECRETS_NONE, "CONTAINER",
	 "Wait until a container has its volumes, or has none",
	 "  --condition bound|released  what to wait for (default: released)\n"
	 "  --timeout TIME              give up after 30, 90s, 10m … (status 5)\n"},
	{NULL, "why", cmd_why, SECRETS_NONE, "CONTAINER|VOLUME",
	 "Say why a container of this host did not get its volume", NULL},
	{NULL, "agent", cmd_agent, SECRETS_KEYS, "", "Run the host agent (a service)",
	 "  --cdi-dir DIR     where engines look for CDI specs (default: /var/run/cdi)\n"
	 "  --plugin-dir DIR  where they look for volume plugins (default: /run/docker/plugins)\n"
	 "  --without-gate LINES  open, look or open,look: do without these lines of the gate\n"},
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* How many words of the line are its title; 0: it is another's. */
static int title_words(const struct verb *v, int argc, char **argv)
{
	char title[64], *rest = NULL;
	int n = 0;

	verb_title(v, title);
	for (char *w = strtok_r(title, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		n++;
		if (n >= argc || strcmp(argv[n], w) != 0)
			return 0;
	}
	return n;
}

const struct verb *verb_find(int argc, char **argv, int *words)
{
	for (const struct verb *v = verbs; v < verbs + N_VERBS; v++) {
		*words = title_words(v, argc, argv);
		if (*words)
			return v;
	}
	return NULL;
}

#define GUESS_MAX 2 /* letters wrong */

/* Levenshtein's distance; strings too long for the row count as far apart. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n >= sizeof(row) / sizeof(row[0]))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = (row[j - 1] < row[j] ? row[j - 1] : row[j]) + 1;
			if (change < row[j])
				row[j] = change;
		}
	}
	return row[n];
}

/* What was typed in place of @title: as many words. */
static void typed_for(const char *title, int argc, char **argv, char out[static 64])
{
	size_t len = 0;
	int i = 1;

	do {
		len += (size_t)snprintf(out + len, 64 - len, "%s%s", i > 1 ? " " : "",
					i < argc ? argv[i] : "");
		i++;
		title = strchr(title + 1, ' ');
	} while (title && len < 64);
}

bool verb_guess(int argc, char **argv, char title[static 64])
{
	size_t best = GUESS_MAX + 1;
	char typed[64], name[64];

	for (const struct verb *v = verbs; v < verbs + N_VERBS; v++) {
		size_t d;

		verb_title(v, name);
		typed_for(name, argc, argv, typed);
		d = distance(typed, name);
		if (d >= best)
			continue;
		best = d;
		memcpy(title, name, sizeof(name));
	}
	return best <= GUESS_MAX;
}

void verb_title(const struct verb *v, char out[static 64])
{
	snprintf(out, 64, "%s%s%s", v->group ? v->group : "", v->group ? " " : "", v->name);
}

void verb_help(const struct verb *v, FILE *f)
{
	char title[64];

	verb_title(v, title);
	fprintf(f, "Usage: dmctl %s%s%s%s\n\n%s.\n", title, v->options ? " [OPTION]…" : "",
		v->args[0] ? " " : "", v->args, v->summary);
	if (v->options)
		fprintf(f, "\n%s", v->options);
	fprintf(f, "\nGlobal options and exit status: \"dmctl --help\". More: dmctl(8).\n");
}

void verb_help_all(const char *group, FILE *f)
{
	char title[64];

	fprintf(f, "Usage: dmctl [GLOBAL OPTION]… VERB …\n\n");
	for (const struct verb *v = verbs; v < verbs + N_VERBS; v++) {
		if (group && (!v->group || strcmp(group, v->group)))
			continue;
		verb_title(v, title);
		fprintf(f, "  %-23s%s\n", title, v->summary);
	}
	fprintf(f, "\nGlobal options, anywhere on the line:\n"
		   "  --json        print the result, or the error, as JSON\n"
		   "  --keyd PATH   keyd's socket\n"
		   "  --agent PATH  the agent's socket\n"
		   "  --help        with a verb: its arguments and options\n"
		   "  --version\n\n"
		   "Exit status: 0 done, 1 usage, 2 permission, 3 memory, 4 device, 5 busy,\n"
		   "6 attestation refused, 7 keyd, agent or engine does not answer, 8 not found,\n"
		   "9 exists, 10 invalid input, 11 anything else.\n");
}

bool verb_is_group(const char *group)
{
	for (const struct verb *v = verbs; v < verbs + N_VERBS; v++)
		if (v->group && strcmp(v->group, group) == 0)
			return true;
	return false;
}
