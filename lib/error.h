/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - one error object, filled where the failure is noticed and passed up.
 *
 * Functions that can fail take a struct cc_error * (never NULL) as last
 * argument and return 0, or -1 with the object filled; pointer returning ones
 * return NULL. Nothing is allocated. A text names the fact that differs and
 * the next step, on one line, and never holds a secret.
 */
#ifndef CC_ERROR_H
#define CC_ERROR_H

#include <stdbool.h>
#include <jansson.h>

/**
 * enum cc_code - what kind of failure; the value is the exit status of dmctl,
 * keyd and the hook. The first six are cryptsetup's.
 */
enum cc_code {
	CC_OK = 0,
	CC_E_USAGE = 1,	  /* wrong parameters or options */
	CC_E_PERM = 2,	  /* no permission */
	CC_E_NOMEM = 3,	  /* out of memory */
	CC_E_DEVICE = 4,  /* device missing, wrong, too small, read-only, formatted or failing */
	CC_E_BUSY = 5,	  /* device or volume in use, or leased to somebody else */
	CC_E_REFUSED = 6, /* attestation refused; .fact names what differs */
	CC_E_UNREACHABLE = 7, /* keyd, agent or engine does not answer */
	CC_E_NOTFOUND = 8,    /* no such volume, container, identity, signer or agent */
	CC_E_EXISTS = 9,      /* the name is taken */
	CC_E_INVALID = 10,    /* malformed or unverifiable input: signature, JSON, header */
	CC_E_INTERNAL = 11,   /* anything else: a failed system call, an impossible state */
};

#define CC_FACT_MAX 48
#define CC_TEXT_MAX 768

/**
 * struct cc_error - the failure.
 * @code: kind, never CC_OK once filled
 * @fact: the fact that differs ("args", "nonce", "signature" ...), or ""
 * @text: one line for a human, NUL terminated, truncated if too long
 */
struct cc_error {
	enum cc_code code;
	char fact[CC_FACT_MAX];
	char text[CC_TEXT_MAX];
};

/* Fills @err and returns -1, so that a guard clause reads `return cc_fail(err, …);`. */
int cc_fail(struct cc_error *err, enum cc_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/*
 * The same from errno: appends ": " and strerror(errno). ENOMEM, EACCES/EPERM, EBUSY turn
 * CC_E_INTERNAL into the code that fits; any other @code is kept.
 */
int cc_fail_errno(struct cc_error *err, enum cc_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/* A refusal: code CC_E_REFUSED, @fact set. */
int cc_refuse(struct cc_error *err, const char *fact, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/* Puts "@fmt…: " before the text already there; keeps code and fact; returns -1. */
int cc_prefix(struct cc_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Names the fact of a failure that is already there; keeps code and text; returns -1. */
int cc_set_fact(struct cc_error *err, const char *fact) __attribute__((cold));

/*
 * Makes @s fit for one line of a terminal, a log or JSON, in place: control characters and bytes
 * that are not UTF-8 become '?'. Every error text and log line goes through it.
 */
void cc_text_clean(char *s);

/* Stable lower-case word of a code ("refused", "busy" …), for JSON and metrics. */
const char *cc_code_name(enum cc_code code);

/* Reverse of cc_code_name(); CC_E_INTERNAL for an unknown word. */
enum cc_code cc_code_from_name(const char *name);

/* HTTP status keyd answers with: 400, 403, 404, 409, 429/503, 500 … (RFC 9110). */
int cc_code_http(enum cc_code code);

/**
 * cc_error_to_json - the error object of the HTTP API, the agent socket and --json output:
 * {"error":{"code":"refused","status":6,"fact":"args","message":"…"}}
 * Return: new reference, NULL without memory.
 */
json_t *cc_error_to_json(const struct cc_error *err);

/* Fills @err from such an object (outside bytes: every field is checked). True if it was one. */
bool cc_error_from_json(struct cc_error *err, const json_t *obj);

#endif
