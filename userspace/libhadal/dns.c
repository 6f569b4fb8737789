// SPDX-License-Identifier: MIT
/*
 * Messages of DNS, RFC 1035. Names, with their pointers back, are the C library's to
 * expand (dn_expand(): bounded, and safe from loops). Its ns_initparse() is not used:
 * it refuses a message of which not all is there.
 */
#include <hadal/dns.h>

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <string.h>
#include <sys/socket.h>

#define FLAG_ANSWER	0x8000	/* QR */
#define FLAG_TRUNCATED	0x0200	/* TC */
#define OPCODE_MASK	0x7800
#define RCODE_MASK	0x000f
#define TTL_MAX		0x7fffffff	/* RFC 2181: a larger one counts as 0 */

_Static_assert(HADAL_DNS_NAME_SIZE == NS_MAXDNAME, "a name as dn_expand() writes it");

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* Steps over as many bytes; NULL: they are not there. */
static const uint8_t *take(struct hadal_dns_message *message, size_t count)
{
	const uint8_t *at = message->bytes + message->position;

	if (count > message->size - message->position)
		return NULL;
	message->position += count;
	return at;
}

static bool take_name(struct hadal_dns_message *message, char name[HADAL_DNS_NAME_SIZE])
{
	const uint8_t *at = message->bytes + message->position;
	int length = dn_expand(message->bytes, message->bytes + message->size, at, name,
			       HADAL_DNS_NAME_SIZE);

	if (length <= 0 || !take(message, (size_t)length))
		return false;
	if (!name[0])
		strcpy(name, ".");
	return true;
}

/* What is not there was cut off, or never was. */
static int end_of(struct hadal_dns_message *message)
{
	message->left = 0;
	return message->is_cut ? 0 : -EBADMSG;
}

static int take_question(struct hadal_dns_message *message)
{
	const uint8_t *rest = NULL;

	if (take_name(message, message->question))
		rest = take(message, NS_QFIXEDSZ);
	if (!rest) {
		message->question[0] = '\0';
		return end_of(message);
	}
	message->question_type = get16(rest);
	return 0;
}

HADAL_API int hadal_dns_parse(struct hadal_dns_message *message, const void *bytes, size_t size,
			      size_t length)
{
	const uint8_t *header;
	uint16_t flags, questions;

	*message = (struct hadal_dns_message){ .bytes = bytes, .size = size,
					       .is_cut = size < length };
	header = take(message, NS_HFIXEDSZ);
	if (!header)
		return -EBADMSG;
	flags = get16(header + 2);
	questions = get16(header + 4);
	if (!(flags & FLAG_ANSWER) || (flags & OPCODE_MASK) || questions > 1)
		return -EBADMSG;
	message->id = get16(header);
	message->response_code = flags & RCODE_MASK;
	message->server_truncated = flags & FLAG_TRUNCATED;
	message->left = get16(header + 6);
	return questions ? take_question(message) : 0;
}

/* ---- answers ---- */

/* Its data, between message->position and there, as the type has it. */
static bool read_target(struct hadal_dns_message *message, struct hadal_dns_resource *resource,
			size_t end)
{
	return take_name(message, resource->target) && message->position == end;
}

static bool read_address(struct hadal_dns_message *message, struct hadal_dns_resource *resource,
			 size_t length, uint16_t family, size_t wanted)
{
	const uint8_t *address = length == wanted ? take(message, length) : NULL;

	if (!address)
		return false;
	resource->family = family;
	memcpy(resource->address, address, length);
	return true;
}

/* 1: read; 0: of no type that is read; -EBADMSG. All length bytes are there. */
static int read_data(struct hadal_dns_message *message, struct hadal_dns_resource *resource,
		     size_t length)
{
	size_t end = message->position + length;
	bool is_sound;

	switch (resource->type) {
	case ns_t_a:
		is_sound = read_address(message, resource, length, AF_INET, NS_INADDRSZ);
		break;
	case ns_t_aaaa:
		is_sound = read_address(message, resource, length, AF_INET6, NS_IN6ADDRSZ);
		break;
	case ns_t_cname:
		is_sound = read_target(message, resource, end);
		break;
	default:
		message->position = end;
		return 0;
	}
	return is_sound ? 1 : -EBADMSG;
}

static int read_resource(struct hadal_dns_message *message, struct hadal_dns_resource *resource)
{
	const uint8_t *rest = NULL;
	size_t length;

	*resource = (struct hadal_dns_resource){ .type = 0 };
	if (take_name(message, resource->name))
		rest = take(message, NS_RRFIXEDSZ);
	if (!rest)
		return end_of(message);
	resource->type = get16(rest);
	resource->ttl = get32(rest + 4) > TTL_MAX ? 0 : get32(rest + 4);
	length = get16(rest + 8);
	if (length > message->size - message->position)
		return end_of(message);
	if (get16(rest + 2) != ns_c_in) {
		message->position += length;
		return 0;
	}
	return read_data(message, resource, length);
}

HADAL_API int hadal_dns_next(struct hadal_dns_message *message,
			     struct hadal_dns_resource *resource)
{
	int result = 0;

	while (!result && message->left) {
		message->left--;
		result = read_resource(message, resource);
	}
	if (result < 0)
		message->left = 0;
	return result;
}

/* ---- names of numbers ---- */

HADAL_API const char *hadal_dns_type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ ns_t_a, "A" }, { ns_t_ns, "NS" }, { ns_t_cname, "CNAME" }, { ns_t_soa, "SOA" },
		{ ns_t_ptr, "PTR" }, { ns_t_mx, "MX" }, { ns_t_txt, "TXT" }, { ns_t_aaaa, "AAAA" },
		{ ns_t_srv, "SRV" }, { ns_t_naptr, "NAPTR" }, { 43, "DS" }, { 48, "DNSKEY" },
		{ 64, "SVCB" }, { 65, "HTTPS" }, { ns_t_any, "ANY" }, { 257, "CAA" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}

HADAL_API const char *hadal_dns_response_code_name(uint8_t code)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
	};

	return code < sizeof(names) / sizeof(names[0]) ? names[code] : NULL;
}
