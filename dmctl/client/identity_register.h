/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_register.h - hands a signed identity to keyd.
 */
#ifndef CC_IDENTITY_REGISTER_H
#define CC_IDENTITY_REGISTER_H

#include "json.h"

/**
 * identity_register - registers the identity in the file @path, which keyd verifies. The one keyd
 * has already is success.
 * @volume: which one, where the file holds identities of several; NULL where it does not
 * @answer: out, keyd's answer, new reference
 */
int identity_register(const char *path, const char *volume, json_t **answer, struct cc_error *err);

#endif
