/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.h - where everything is. Each can be overridden by the option named; never by the
 * environment.
 */
#ifndef CC_PATHS_H
#define CC_PATHS_H

#define CC_RUN_DIR "/run/container-crypt"
#define CC_ETC_DIR "/etc/container-crypt"
#define CC_LIB_DIR "/var/lib/container-crypt"
#define CC_LIBEXEC_DIR "/usr/libexec/container-crypt"

#define CC_KEYD_SOCKET CC_RUN_DIR "/keyd.sock"	 /* keyd serve --socket, dmctl --keyd */
#define CC_AGENT_SOCKET CC_RUN_DIR "/agent.sock" /* dmctl agent --socket, dmctl --agent */
#define CC_BINDINGS_DIR CC_RUN_DIR "/bindings"	 /* one file a binding, root only */
#define CC_FROZEN_DIR CC_RUN_DIR "/frozen"	 /* one file a container that the agent froze */
#define CC_UNLOOKED_DIR CC_RUN_DIR "/unlooked"	 /* the same, as they were not looked at */
#define CC_REFUSALS_DIR CC_RUN_DIR "/refused"	 /* one file a container that was refused */
#define CC_ROOTFS_DIR CC_RUN_DIR "/rootfs"	 /* digests of layers read since boot */
#define CC_AGENT_KEY CC_ETC_DIR "/agent.jwk"	 /* private JWK, 0600, kid = agent's name */
#define CC_AGENT_CERT CC_ETC_DIR "/agent.pem"	 /* its certificate, where keyd is elsewhere */
#define CC_KEYD_CA CC_ETC_DIR "/keyd-ca.pem"	 /* of that keyd */
#define CC_KEYD_URL CC_ETC_DIR "/keyd.url"	 /* where that is, dmctl --keyd */
#define CC_KEK_FILE CC_ETC_DIR "/kek"		 /* 32 raw bytes, 0600, or credential "kek" */
#define CC_KEYD_DIR CC_LIB_DIR "/keyd"		 /* keyd serve --state-dir; holds keyd.db */
#define CC_AGENT_DIR CC_LIB_DIR "/agent"	 /* containers bound before (first start) */
#define CC_PROOFS_DIR CC_AGENT_DIR "/proofs"	 /* signatures of images (dmctl identity offer) */
#define CC_CDI_DIR "/var/run/cdi"
#define CC_PLUGIN_DIR "/run/docker/plugins"
#define CC_PLACEHOLDER_DIR CC_RUN_DIR "/placeholder" /* one directory a volume */
#define CC_HOOK_PATH CC_LIBEXEC_DIR "/container-crypt-hook"
#define CC_KEYD_PATH CC_LIBEXEC_DIR "/keyd"

#define CC_CDI_KIND "container-crypt/volume"
#define CC_DM_PREFIX "container-crypt-"	     /* name of a mapping: prefix + volume name */
#define CC_DM_UUID_PREFIX "CONTAINER-CRYPT-" /* dm uuid: prefix + volume UUID */
#define CC_KEY_PREFIX "container-crypt:"     /* kernel keyring description: prefix + volume UUID */

#endif
