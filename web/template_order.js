/**
 * Puts the pack's templates in the order in which to try them, where ComfyUI lists the files of a folder as they come,
 * and leaves out those that need a newer ComfyUI. The templates are the same without this file.
 */
import { api } from "../../scripts/api.js"
import { app } from "../../scripts/app.js"

/** Names of the pack's workflows, the first ones to open first; any others come after these. */
export const ORDER = [
  "demo_things",
  "demo_critique",
  "demo_pick_best",
  "demo_gate",
  "demo_region",
  "demo_step_by_step",
  "demo_self_correct",
  "demo_edit_model",
  "demo_edit",
  "demo_search_noise",
  "demo_compare_best_of_n",
  "demo_loop_graph",
  "demo_native_loop",
  "demo_train",
  "load_your_own",
  "judge_your_picture",
  "judge_with_a_detector",
  "sdxl_self_correct",
  "sd15_lora_self_correct",
  "sd35_self_correct",
  "flux_self_correct",
  "flux2_klein_self_correct",
  "z_image_self_correct",
  "qwen_image_self_reward",
  "edit_self_correct",
  "compare_with_best_of_n",
  "train_for_my_checkpoint",
  "guide_model_with_lora",
]

/** The ComfyUI that a workflow needs, where that is newer than the oldest one that the pack runs on. */
export const NEEDS = {
  demo_native_loop: "0.36.0",
  flux2_klein_self_correct: "0.9.2",
  qwen_image_self_reward: "0.37.0",
}

/** Whether a version such as 0.36.0 is as new as another one. */
const reaches = (version, needed) => version.localeCompare(needed, "en", { numeric: true }) >= 0

const place = name => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)

/**
 * @param {Record<string, string[]>} templates names by the folder of their pack
 * @param {string} version of ComfyUI
 * @returns {Record<string, string[]>} the same, those of this pack in order, without those that need a newer version
 */
export function offered(templates, version) {
  const runs = name => reaches(version, NEEDS[name] ?? "0")
  const ours = names => names.filter(runs).sort((a, b) => place(a) - place(b))
  return Object.fromEntries(Object.entries(templates).map(([pack, names]) =>
    [pack, names.includes(ORDER[0]) ? ours(names) : names]))
}

app.registerExtension({
  name: "xlard.template_order",
  init() {
    const list = api.getWorkflowTemplates.bind(api)
    api.getWorkflowTemplates = async () => {
      const [templates, stats] = await Promise.all([list(), api.getSystemStats()])
      return offered(templates, stats.system.comfyui_version)
    }
  },
})
