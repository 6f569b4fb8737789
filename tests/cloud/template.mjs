// SPDX-License-Identifier: MIT
//
// CloudFormation templates: read, held to the specification of resources that AWS
// publishes with its CDK, and resolved with given parameters as far as texts go.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.env.AWS_SPEC}/`);
export const YAML = require('yaml');
const specification = require('@aws-cdk/aws-service-spec').loadAwsServiceSpecSync();

const FUNCTIONS = ['And', 'Base64', 'Equals', 'GetAtt', 'If', 'Join', 'Not', 'Or', 'Select', 'Split', 'Sub'];
const PSEUDO = ['AccountId', 'NoValue', 'Partition', 'Region', 'StackId', 'StackName', 'URLSuffix'].map((name) => `AWS::${name}`);

const longName = (name) => (['Ref', 'Condition'].includes(name) ? name : `Fn::${name}`);

// !GetAtt takes a text or a list, all others what they are given.
function tags() {
	return ['Ref', 'Condition', ...FUNCTIONS].flatMap((name) => [
		{ tag: `!${name}`, resolve: (text) => ({ [longName(name)]: name === 'GetAtt' ? text.split('.') : text }) },
		...['seq', 'map'].map((collection) => ({
			tag: `!${name}`, collection,
			resolve: (node) => ({ [longName(name)]: node.toJS(new YAML.Document()) }),
		})),
	]);
}

export function readTemplate(path) {
	return YAML.parse(readFileSync(path, 'utf8'), { customTags: tags() });
}

function functionOf(value) {
	const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
	return keys.length === 1 && (keys[0] === 'Ref' || keys[0].startsWith('Fn::')) ? keys[0] : undefined;
}

const typeOf = (name) => specification.lookup('resource', 'cloudFormationType', 'equals', name)[0];

/** Everything in a template that the specification does not allow, or that names what is not there. */
export function problems(template) {
	const found = [], used = new Set();
	const report = (path, what) => found.push(`${path.join('.')}: ${what}`);
	const parameters = template.Parameters ?? {}, resources = template.Resources ?? {}, conditions = template.Conditions ?? {};

	function reference(name, path, own = {}) {
		used.add(name);
		if (!(name in parameters || name in resources || name in own || PSEUDO.includes(name)))
			report(path, `names ${name}, which is not there`);
	}

	function attribute(name, what, path) {
		if (!(name in resources))
			report(path, `names ${name}, which is not there`);
		else if (!(what in (typeOf(resources[name].Type)?.attributes ?? {})))
			report(path, `${resources[name].Type} has no attribute ${what}`);
	}

	function condition(name, path) {
		used.add(name);
		if (!(name in conditions))
			report(path, `names the condition ${name}, which is not there`);
	}

	function substitution(argument, path) {
		const [text, own = {}] = Array.isArray(argument) ? argument : [argument];
		for (const [, name] of text.matchAll(/\$\{([^!}]+)\}/g))
			if (name.includes('.'))
				attribute(...name.split('.'), path);
			else
				reference(name, path, own);
		for (const name of Object.keys(own).filter((one) => !text.includes(`\${${one}}`)))
			report(path, `has ${name}, which its text does not name`);
		walk(own, path);
	}

	// A function gives what can't be known here, but for the branches of Fn::If.
	function call(name, argument, path, type) {
		if (name === 'Ref')
			return reference(argument, path);
		if (name === 'Fn::GetAtt')
			return attribute(...argument, path);
		if (name === 'Fn::Sub')
			return substitution(argument, path);
		if (name !== 'Fn::If')
			return walk(argument, path);
		condition(argument[0], path);
		for (const branch of argument.slice(1))
			if (type)
				value(type, branch, path);
			else
				walk(branch, path);
	}

	function walk(what, path) {
		const name = functionOf(what);
		if (name)
			return call(name, what[name], path);
		if (what && typeof what === 'object')
			for (const [key, inner] of Object.entries(what))
				if (key === 'Condition' && typeof inner === 'string')
					condition(inner, path);
				else
					walk(inner, [...path, key]);
	}

	function properties(type, given, path) {
		for (const key of Object.keys(given))
			if (!(key in type.properties))
				report(path, `${type.cloudFormationType ?? type.name} has no ${key}`);
		for (const [key, property] of Object.entries(type.properties))
			if (key in given)
				value(property.type, given[key], [...path, key]);
			else if (property.required)
				report(path, `${key} is missing`);
	}

	const scalar = {
		string: (one) => ['string', 'number', 'boolean'].includes(typeof one),
		'date-time': (one) => typeof one === 'string',
		number: (one) => one !== '' && Number.isFinite(Number(one)),
		integer: (one) => one !== '' && Number.isInteger(Number(one)),
		boolean: (one) => ['true', 'false'].includes(String(one)),
		null: (one) => one === null,
	};

	function fits(type, what) {
		const before = found.length;
		value(type, what, []);
		return found.splice(before).length === 0;
	}

	function value(type, what, path) {
		const name = functionOf(what);
		if (name)
			return call(name, what[name], path, type);
		if (type.type === 'json')
			return walk(what, path);
		if (type.type === 'union')
			return type.types.some((one) => fits(one, what)) || report(path, 'is of none of the types that it may be');
		if (type.type in scalar) {
			if (!scalar[type.type](what))
				report(path, `${JSON.stringify(what)} is no ${type.type}`);
			else if (type.allowedValues && !type.allowedValues.includes(what))
				report(path, `${what} is none of ${type.allowedValues}`);
			return;
		}
		if (type.type === 'array') {
			if (!Array.isArray(what))
				return report(path, 'is no list');
			return what.forEach((one, i) => value(type.element, one, [...path, i]));
		}
		if (!what || typeof what !== 'object' || Array.isArray(what))
			return report(path, 'is no object');
		if (type.type === 'map')
			return Object.entries(what).forEach(([key, one]) => value(type.element, one, [...path, key]));
		if (type.type === 'tag')
			return properties({ name: 'Tag', properties: { Key: { type: { type: 'string' }, required: true },
				Value: { type: { type: 'string' }, required: true } } }, what, path);
		return properties(specification.get('typeDefinition', type.reference.$ref), what, path);
	}

	for (const [name, resource] of Object.entries(resources)) {
		const type = typeOf(resource.Type);
		if (!type) {
			report([name], `there is no type ${resource.Type}`);
			continue;
		}
		if (resource.Condition)
			condition(resource.Condition, [name]);
		for (const other of [resource.DependsOn ?? []].flat())
			if (!(other in resources))
				report([name], `depends on ${other}, which is not there`);
		properties(type, resource.Properties ?? {}, [name]);
	}
	for (const part of ['Conditions', 'Rules', 'Outputs'])
		walk(template[part], [part]);
	for (const name of [...Object.keys(parameters), ...Object.keys(conditions)].filter((one) => !used.has(one)))
		report([name], 'is used nowhere');
	return found;
}

/** A copy of @what, an object of properties, as a resource of type @name: for definitions that are no template. */
export function problemsOf(name, what) {
	return problems({ Resources: { It: { Type: name, Properties: what } } });
}

const SURROUNDINGS = { 'AWS::AccountId': '123456789012', 'AWS::Partition': 'aws', 'AWS::Region': 'eu-west-1',
	'AWS::StackName': 'sample', 'AWS::URLSuffix': 'amazonaws.com' };

/**
 * What a template's @what is with these parameters. A resource is its logical name.
 * Fn::Base64 is left out, so that user data can be read.
 */
export function resolve(template, what, given = {}) {
	const known = (name) => given[name] ?? template.Parameters?.[name]?.Default ?? SURROUNDINGS[name] ?? name;
	const inner = (one) => resolve(template, one, given);
	const holds = (name) => inner(template.Conditions[name]);
	const call = {
		Ref: (name) => known(name),
		'Fn::GetAtt': (path) => path.join('.'),
		'Fn::Base64': inner,
		'Fn::If': ([name, yes, no]) => inner(holds(name) ? yes : no),
		'Fn::Equals': ([one, other]) => inner(one) === inner(other),
		'Fn::Not': ([one]) => !inner(one),
		'Fn::And': (all) => all.every(inner),
		'Fn::Or': (all) => all.some(inner),
		'Fn::Sub': (argument) => {
			const [text, own = {}] = Array.isArray(argument) ? argument : [argument];
			return text.replace(/\$\{([^!}]+)\}/g, (_, name) => (name in own ? inner(own[name]) : known(name)));
		},
	};
	const name = functionOf(what);
	if (name && !(name in call))
		throw new Error(`${name} can't be resolved`);
	if (name)
		return call[name](what[name]);
	if (Array.isArray(what))
		return what.map(inner);
	if (what && typeof what === 'object')
		return Object.fromEntries(Object.entries(what).map(([key, one]) => [key, inner(one)]));
	return what;
}
