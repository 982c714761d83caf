export const load = ({ url }) => ({ city: url.searchParams.get("city") ?? "nowhere" });

export const actions = {
  default: async ({ request }) => ({ asked: (await request.formData()).get("city") }),
};
