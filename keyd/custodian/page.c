// SPDX-License-Identifier: Apache-2.0
#include "custodian/page.h"

#include <string.h>

int page_start(struct page *p, struct call *call, const char *name, struct cc_error *err)
{
	*p = (struct page){
		.name = name,
		.list = json_array(),
		.max = call->rq->paged ? PAGE_ROWS : PAGE_WHOLE,
	};
	return json_object_set_new(call->out, name, p->list)
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

bool page_full(struct page *p)
{
	p->more = json_array_size(p->list) == p->max;
	return p->more;
}

int page_add(struct page *p, json_t *obj, const char *where, struct cc_error *err)
{
	if (json_array_append_new(p->list, obj))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(p->last, sizeof(p->last), "%s", where);
	return 0;
}

int page_end(const struct page *p, struct call *call, struct cc_error *err)
{
	if (call->rq->paged)
		return call_answer(call->out, err, "{s:s?}", "next", p->more ? p->last : NULL);
	if (!p->more)
		return 0;
	cc_fail(err, CC_E_USAGE,
		"there are more than %d %s: ask for them in pages, with \"?after=\"; an older dmctl "
		"or agent cannot",
		PAGE_WHOLE, p->name);
	return cc_set_fact(err, "after");
}
