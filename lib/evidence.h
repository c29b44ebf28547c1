/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence.h - a measurement signed by an enrolled agent over keyd's nonce.
 *
 * Evidence is a compact JWS (RFC 7515), ES256 pinned, typ "container-crypt-evidence+jwt", kid the
 * agent's name. Claims, EAT names (RFC 9711) where there is one (unknown ones are refused):
 *   eat_nonce  keyd's 32-byte nonce, base64url
 *   aud        keyd's realm
 *   iss        agent's name, equal to kid
 *   iat        seconds since the epoch, informational
 *   boot_id    /proc/sys/kernel/random/boot_id
 *   op         "release", "format", "renew", "return" or "maintain"
 *   volume     UUID; for "release", "format" and "maintain" only
 *   cnf        {"jkt": RFC 7638 SHA-256 thumbprint of the one-time key}; for "release", "format"
 *              and the first "maintain" of a maintenance only
 *   channel    base64url SHA-256 of the TLS exporter (RFC 9266), or "unix" on the Unix socket
 *   measurement  object; for "release" only
 *   gate       words, joined by commas: which of the gate's lines stand on the host, or "none"; for
 *              "release" and "maintain" only, and may be absent
 *   renewals   [{"lease": UUID, "volume": UUID, "measurement": object, "leftMs": number}], for
 *              "renew" only, a lease once; leftMs may be absent. Once for a container that was
 *              looked at less well than others "look": "late" or "filterUnread", else absent. In
 *              place of the measurement of a container that the agent itself refuses:
 *              "refused": {"container": id, "fact": word, "message": text}
 *   lease      UUID of the lease that its holder gives back; for "return" only
 *   maintenance  UUID that whoever maintains a volume by hand made up for this once; for "maintain"
 *              only
 *   command    what will be run on the volume, its words as a shell would take them; the same
 */
#ifndef CC_EVIDENCE_H
#define CC_EVIDENCE_H

#include <stdint.h>
#include <openssl/evp.h>
#include "json.h"
#include "measurement.h"

#define CC_NONCE_LEN 32
#define CC_EVIDENCE_MAX (48 * 1024) /* bytes of a compact JWS */
#define CC_EVIDENCE_TYP "container-crypt-evidence+jwt"
#define CC_CHANNEL_UNIX "unix"

#define CC_GATE_MAX 32	   /* bytes of that claim */
#define CC_COMMAND_MAX 512 /* bytes of that claim: the audit row has it whole */
#define CC_RENEWALS_MAX 64 /* of one evidence */

enum cc_op { CC_OP_RELEASE, CC_OP_FORMAT, CC_OP_RENEW, CC_OP_RETURN, CC_OP_MAINTAIN };

/**
 * struct cc_refusal - what its own agent says of a container that is not what it was said to be, so
 * that there is no measurement of it.
 * @fact, @text: as of a struct cc_error
 */
struct cc_refusal {
	char container[CC_CONTAINER_ID_MAX + 1];
	char fact[CC_FACT_MAX];
	char text[CC_TEXT_MAX];
};

/**
 * enum cc_look - how well a container was looked at when its program was executed, said once.
 * @CC_LOOK_UNSAID: as always, or said before
 * @CC_LOOK_LATE: its program had begun
 * @CC_LOOK_FILTER_UNREAD: before that, but without its seccomp filter
 */
enum cc_look { CC_LOOK_UNSAID, CC_LOOK_LATE, CC_LOOK_FILTER_UNREAD };

/**
 * struct cc_renewal - a lease that its holder wants to keep, or has to give up.
 * @left_ms: for how long the kernel has the key when the evidence is made; 0 is not said, or it has
 *           none
 * @measurement: of the container now, owned
 * @refusal: in its place, owned; NULL where there is a measurement
 */
struct cc_renewal {
	char lease[37];
	char volume[37];
	uint64_t left_ms;
	enum cc_look look;
	struct cc_measurement *measurement;
	struct cc_refusal *refusal;
};

/*
 * Strings and @renewals are owned. @volume and @jkt are of CC_OP_RELEASE, CC_OP_FORMAT and
 * CC_OP_MAINTAIN, else "" and NULL; a CC_OP_MAINTAIN that goes on has no @jkt.
 */
struct cc_evidence {
	unsigned char nonce[CC_NONCE_LEN];
	char *aud;
	char *iss;
	int64_t iat;
	char boot_id[37];
	enum cc_op op;
	char volume[37];
	char *jkt;
	char *channel;
	char *gate; /* of CC_OP_RELEASE and CC_OP_MAINTAIN, where it was said, else NULL */
	struct cc_measurement *measurement; /* of CC_OP_RELEASE, else NULL */
	size_t n_renewals;		    /* of CC_OP_RENEW, else 0 */
	struct cc_renewal *renewals;
	char lease[37];	      /* of CC_OP_RETURN, else "" */
	char maintenance[37]; /* of CC_OP_MAINTAIN, else "" */
	char *command;	      /* the same, else NULL */
};

void cc_evidence_clear(struct cc_evidence *ev);

/* Signs; *jws malloced. @agent_key: private JWK whose kid is the agent's name. */
int cc_evidence_sign(const struct cc_evidence *ev, const json_t *agent_key, char **jws,
		     struct cc_error *err);

/**
 * cc_evidence_kid - the agent a compact JWS claims to be from, read from the protected
 * header only, to look its key up. Nothing else is parsed or believed.
 * @kid: out, at most 63 characters
 */
int cc_evidence_kid(const char *jws, size_t len, char kid[static 64], struct cc_error *err);

/* A command that evidence may have: neither empty nor too long, in one line. Pure. */
bool cc_evidence_command_fits(const char *command);

/* The key of an agent's public JWK, if it is one to sign with. NULL: CC_E_INVALID. */
EVP_PKEY *cc_evidence_key(const json_t *jwk, struct cc_error *err);

/**
 * cc_evidence_verify - verifies the signature over the raw bytes, then parses the claims into *ev.
 * @agent_key: of cc_evidence_key(); it may be kept
 * @ev: must be empty; on success free with cc_evidence_clear()
 * Return: 0; -1 with CC_E_REFUSED fact "signature", or CC_E_INVALID fact "evidence".
 */
int cc_evidence_verify(const char *jws, size_t len, EVP_PKEY *agent_key, struct cc_evidence *ev,
		       struct cc_error *err);

/**
 * cc_evidence_claims_parse - the second half of cc_evidence_verify(): claims that have verified.
 * Return: 0; -1 with CC_E_INVALID fact "evidence" and *ev empty.
 */
int cc_evidence_claims_parse(const char *text, size_t len, struct cc_evidence *ev,
			     struct cc_error *err);

#endif
