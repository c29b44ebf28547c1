// SPDX-License-Identifier: Apache-2.0
#include "timestamp.h"

#include <string.h>
#include <time.h>

/* The number that the @n decimal digits at @s make. */
static int digits(const char *s, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

int cc_time_parse(const char *s, int64_t *t)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	struct tm tm = {0}, back;
	time_t v;

	if (strlen(s) != sizeof(shape) - 1)
		return -1;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return -1;

	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	back = tm;
	v = timegm(&back);
	/* timegm() carries 30 February over to March: what changed was not a date. */
	if (back.tm_year != tm.tm_year || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min || back.tm_sec != tm.tm_sec)
		return -1;
	*t = v;
	return 0;
}

void cc_time_format(int64_t t, char out[static CC_TIME_LEN])
{
	const int64_t first = -30610224000, last = 253402300799; /* years 1000 to 9999 */
	time_t v = (time_t)(t < first ? first : t > last ? last : t);
	struct tm tm;

	gmtime_r(&v, &tm);
	strftime(out, CC_TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
