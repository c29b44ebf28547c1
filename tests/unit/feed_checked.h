/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_checked.h - rules of feeds, and whether they let in the image DIGEST_A.
 */
#ifndef CC_FEED_CHECKED_H
#define CC_FEED_CHECKED_H

#include "feed_keys.h"

#define BY_TWO "'signedBy':['release','backup'],'repository':'" REPOSITORY "'"
#define FLOOR(minimum) ",'floor':{'annotation':'version','minimum':'" minimum "'}"

static inline struct cc_feed *feed_of(const char *image)
{
	cc_auto_json json_t *obj = json_of(image);
	struct cc_error err = {0};
	struct cc_feed *feed;

	assert_true(cc_feed_is(obj));
	feed = cc_feed_from_json(obj, &err);
	if (!feed)
		fail_msg("%s: %s", image, err.text);
	return feed;
}

static inline int check(const char *image, const struct cc_image_proof *p, const char *image_id,
			struct cc_error *err)
{
	const struct cc_feed_keys keys = {{release, backup}};
	auto_feed *feed = feed_of(image);

	*err = (struct cc_error){0};
	return cc_feed_check(feed, p, image_id, &keys, NULL, err);
}

static inline void let_in(const char *image, const struct cc_image_proof *p)
{
	struct cc_error err;

	expect_ok(check(image, p, DIGEST_A, &err), &err);
}

static inline void refused(const char *image, const struct cc_image_proof *p, const char *fact,
			   const char *says)
{
	struct cc_error err;

	assert_int_equal(check(image, p, DIGEST_A, &err), -1);
	expect_error(&err, CC_E_REFUSED, fact, says);
	assert_int_equal(strncmp(err.text, fact, strlen(fact)), 0);
}

#endif
